"""Pages of this app in the web admin: a module each for changes, published versions and proposals."""

from controlplane.policy.admin_changes import ChangeAdmin
from controlplane.policy.admin_documents import SignedDocumentAdmin
from controlplane.policy.admin_proposals import ProposalAdmin

__all__ = ["ChangeAdmin", "ProposalAdmin", "SignedDocumentAdmin"]
