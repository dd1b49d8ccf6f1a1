"""The one process that signs, and writes to Redis: it turns committed rows into signed documents.

The database is the truth, Redis its mirror. Versions follow commit order, because whoever publishes for a server holds
its row. Without a successful read of the database there is no lease.
"""
