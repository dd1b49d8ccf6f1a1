"""Every address under /api/v1/, but for the two that enforcers use (`controlplane.fleet.api`)."""

from django.urls import path

from controlplane.accounts import api as accounts
from controlplane.api import docs
from controlplane.credentials import api as credentials
from controlplane.fleet import api_enforcers as fleet
from controlplane.grants import api as grants
from controlplane.grants import api_access
from controlplane.incidents import api as incidents
from controlplane.incidents import api_plans
from controlplane.inventory import api as inventory
from controlplane.inventory import api_review
from controlplane.notices import api as notices
from controlplane.policy import api as policy
from controlplane.policy import api_file, api_simulate
from controlplane.principals import api as principals
from controlplane.receipts import api as receipts

urlpatterns = [
    path("schema/", docs.SchemaView.as_view(), name="api-schema"),
    path("docs/", docs.DocsView.as_view(), name="api-docs"),
    path("trust-levels", inventory.TrustLevels.as_view(), name="api-trust-levels"),
    path("trust-levels/<str:name>", inventory.TrustLevelDetail.as_view(), name="api-trust-level"),
    path("identity-providers", principals.IdentityProviders.as_view(), name="api-identity-providers"),
    path("identity-providers/<path:issuer>", principals.IdentityProviderDetail.as_view(), name="api-identity-provider"),
    path("vault-backends", credentials.VaultBackends.as_view(), name="api-vault-backends"),
    path("vault-backends/<str:name>", credentials.VaultBackendDetail.as_view(), name="api-vault-backend"),
    path("groups", principals.Groups.as_view(), name="api-groups"),
    path("groups/<path:name>", principals.GroupDetail.as_view(), name="api-group"),
    path("principals", principals.Principals.as_view(), name="api-principals"),
    path("principals/<path:subject>", principals.PrincipalDetail.as_view(), name="api-principal"),
    path("servers", inventory.Servers.as_view(), name="api-servers"),
    path("servers/<str:id>", inventory.ServerDetail.as_view(), name="api-server"),
    path("tools", inventory.Tools.as_view(), name="api-tools"),
    path("tools/<str:server>/<path:name>", inventory.ToolDetail.as_view(), name="api-tool"),
    path("risk-patterns", inventory.RiskPatterns.as_view(), name="api-risk-patterns"),
    path("risk-patterns/<str:where>/<path:pattern>", inventory.RiskPatternDetail.as_view(), name="api-risk-pattern"),
    path("tool-states", inventory.ToolStates.as_view(), name="api-tool-states"),
    path("tool-reviews/approve", api_review.ApproveTool.as_view(), name="api-approve-tool"),
    path("tool-reviews/quarantine", api_review.QuarantineTool.as_view(), name="api-quarantine-tool"),
    path("tool-reviews/end-quarantine", api_review.EndToolQuarantine.as_view(), name="api-end-tool-quarantine"),
    path("tool-reviews/<str:server>/<path:name>", api_review.ToolReviewDetail.as_view(), name="api-tool-review"),
    path("grants", grants.Grants.as_view(), name="api-grants"),
    path("grants/<str:id>", grants.GrantDetail.as_view(), name="api-grant"),
    path("principal-access/<path:subject>", api_access.PrincipalAccess.as_view(), name="api-principal-access"),
    path("tool-access/<str:server>/<path:name>", api_access.ToolAccess.as_view(), name="api-tool-access"),
    path("simulate", api_simulate.Simulate.as_view(), name="api-simulate"),
    path("tokens", principals.Tokens.as_view(), name="api-tokens"),
    path("tokens/<str:jti>", principals.TokenDetail.as_view(), name="api-token"),
    path("tokens/<str:jti>/revoke", principals.RevokeIssued.as_view(), name="api-revoke-token"),
    path("kill-switches", incidents.KillSwitches.as_view(), name="api-kill-switches"),
    path("kill-switches/raise", incidents.RaiseKill.as_view(), name="api-kill-raise"),
    path("kill-switches/lower", incidents.LowerKill.as_view(), name="api-kill-lower"),
    path("kill-switches/keep", incidents.KeepRaised.as_view(), name="api-keep-raised"),
    path("kill-switches/planned", api_plans.PlannedKills.as_view(), name="api-planned-kills"),
    path("kill-switches/planned/<int:pk>/cancel", api_plans.CancelPlan.as_view(), name="api-cancel-plan"),
    path("kill-switches/<int:pk>", incidents.KillSwitchDetail.as_view(), name="api-kill-switch"),
    path("revocations/principals", incidents.RevokedPrincipals.as_view(), name="api-revoked-principals"),
    path("revocations/principals/restore", incidents.RestorePrincipal.as_view(), name="api-restore-principal"),
    path("revocations/tokens", incidents.RevokedTokens.as_view(), name="api-revoked-tokens"),
    path("quarantines", incidents.Quarantines.as_view(), name="api-quarantines"),
    path("quarantines/end", incidents.EndQuarantine.as_view(), name="api-end-quarantine"),
    path("egress-blocks", incidents.EgressBlocks.as_view(), name="api-egress-blocks"),
    path("egress-blocks/end", incidents.EndEgressBlock.as_view(), name="api-end-egress-block"),
    path("notices", notices.Notices.as_view(), name="api-notices"),
    path("policy", api_file.PolicyFile.as_view(), name="api-policy"),
    path("proposals", policy.Proposals.as_view(), name="api-proposals"),
    path("proposals/<int:pk>", policy.ProposalDetail.as_view(), name="api-proposal"),
    path("proposals/<int:pk>/approve", policy.ApproveProposal.as_view(), name="api-approve-proposal"),
    path("proposals/<int:pk>/reject", policy.RejectProposal.as_view(), name="api-reject-proposal"),
    path("changes", policy.Changes.as_view(), name="api-changes"),
    path("changes/<int:pk>", policy.ChangeDetail.as_view(), name="api-change"),
    path("documents", policy.Documents.as_view(), name="api-documents"),
    path("documents/<int:pk>/access", policy.DocumentAccess.as_view(), name="api-document-access"),
    path("documents/<int:pk>", policy.DocumentDetail.as_view(), name="api-document"),
    path("enforcers", fleet.Enforcers.as_view(), name="api-enforcers"),
    path("enforcers/<str:id>", fleet.EnforcerDetail.as_view(), name="api-enforcer"),
    path("enforcers/<str:id>/decommission", fleet.DecommissionEnforcer.as_view(), name="api-decommission"),
    path("receipts", receipts.Receipts.as_view(), name="api-receipts"),
    path("receipts/schema", receipts.ReceiptSchema.as_view(), name="api-receipt-schema"),
    path("receipts/export", receipts.ExportReceipts.as_view(), name="api-export-receipts"),
    path("receipts/export/csv", receipts.ExportTable.as_view(), name="api-export-table"),
    path("receipts/<str:receipt_id>", receipts.ReceiptDetail.as_view(), name="api-receipt"),
    path("receipts/<str:receipt_id>/replay", receipts.ReplayReceipt.as_view(), name="api-replay-receipt"),
    path("receipts/<str:receipt_id>/proof", receipts.ReceiptProof.as_view(), name="api-receipt-proof"),
    path("checkpoints", receipts.Checkpoints.as_view(), name="api-checkpoints"),
    path("users", accounts.Users.as_view(), name="api-users"),
    path("users/<str:username>", accounts.UserDetail.as_view(), name="api-user"),
    path("api-tokens", accounts.ApiTokens.as_view(), name="api-api-tokens"),
    path("api-tokens/<str:key>", accounts.ApiTokenDetail.as_view(), name="api-api-token"),
    path("api-tokens/<str:key>/revoke", accounts.RevokeApiToken.as_view(), name="api-revoke-api-token"),
]
