"""Receipts: taken in exactly once, never changed, searched, exported and verified."""
