"""The enforcer's ties to the control plane: signed documents in, signed receipts and heartbeats out.

Nothing here is on the way of a call: a call sees what was verified and applied, in memory.
"""
