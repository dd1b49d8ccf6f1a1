"""Pages of this app in the web admin: a module each for receipts, and for chains and conflicts. Nobody edits any."""

from controlplane.receipts.admin_chains import ChainAdmin, ConflictAdmin
from controlplane.receipts.admin_receipts import ReceiptAdmin

__all__ = ["ChainAdmin", "ConflictAdmin", "ReceiptAdmin"]
