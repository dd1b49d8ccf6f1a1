"""The control plane in one command: two Valkeys, publisher, web and ingest worker under one supervisor, on SQLite."""
