"""The Model Context Protocol: messages, eras, sessions, lists and transports."""
