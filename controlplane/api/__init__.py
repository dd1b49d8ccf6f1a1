"""What all of the API under /api/v1/ shares: who asks, what is refused and how it is said, pages, idempotency, schema.

The resources themselves stand in `api.py` of the app that owns them; `urls.py` here lists every address.
"""
