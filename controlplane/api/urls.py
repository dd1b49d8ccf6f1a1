"""Every address under /api/v1/, but for the two that enforcers use (`controlplane.fleet.api`)."""

from django.urls import path

from controlplane.api import docs
from controlplane.incidents import api as incidents

urlpatterns = [
    path("schema/", docs.SchemaView.as_view(), name="api-schema"),
    path("docs/", docs.DocsView.as_view(), name="api-docs"),
    path("kill-switches", incidents.KillSwitches.as_view(), name="api-kill-switches"),
    path("kill-switches/raise", incidents.RaiseKill.as_view(), name="api-kill-raise"),
    path("kill-switches/lower", incidents.LowerKill.as_view(), name="api-kill-lower"),
    path("kill-switches/<int:pk>", incidents.KillSwitchDetail.as_view(), name="api-kill-switch"),
    path("revocations/principals", incidents.RevokedPrincipals.as_view(), name="api-revoked-principals"),
    path("revocations/principals/restore", incidents.RestorePrincipal.as_view(), name="api-restore-principal"),
    path("revocations/tokens", incidents.RevokedTokens.as_view(), name="api-revoked-tokens"),
    path("quarantines", incidents.Quarantines.as_view(), name="api-quarantines"),
    path("quarantines/end", incidents.EndQuarantine.as_view(), name="api-end-quarantine"),
]
