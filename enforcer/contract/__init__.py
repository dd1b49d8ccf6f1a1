"""What the control plane and the enforcer must agree on, byte for byte: documents, receipts, hashes, reason codes.

No I/O, no clock. A field may be added at the end of a document; changing one needs a new `schema` number.
"""
