"""The gate for clients that launch their servers: the same pipeline behind standard input and output."""
