"""A row behind every address, and every address of the control plane with that row's key in it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.models import Group as Role
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from controlplane.accounts.models import ApiToken, User
from controlplane.credentials.models import VaultBackend, VaultReference
from controlplane.fleet.models import Enforcer
from controlplane.incidents.models import (
    EgressBlock,
    KillSwitch,
    PlannedKill,
    Quarantine,
    RevokedPrincipal,
    RevokedToken,
)
from controlplane.inventory.models import RiskPattern
from controlplane.notices.models import Notice
from controlplane.policy.models import Change, Kind, Proposal, SignedDocument
from controlplane.principals.models import IssuedToken
from controlplane.receipts.models import Conflict, Receipt
from controlplane.receipts.services import record_admin_receipt
from enforcer.contract.keys import SigningKey
from tests.controlplane.factories import (
    GrantFactory,
    GroupFactory,
    IdentityProviderFactory,
    PrincipalFactory,
    ServerFactory,
    ToolFactory,
    trust_level,
)


def routes() -> list[str]:
    """Every pattern that the control plane serves, whole."""
    return sorted(set(_below(get_resolver(), "")))


def _below(resolver: URLResolver, above: str) -> Iterator[str]:
    for pattern in resolver.url_patterns:
        route = above + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route
        else:
            yield from _below(pattern, route)


QUERIES = {
    "admin/autocomplete/": "app_label=grants&model_name=grant&field_name=server",
    "admin/inventory/tool/review/": "server=files",
}


@dataclass(frozen=True, slots=True)
class Keys:
    """By the beginning of an admin route, or by the name of a parameter of the API."""

    admin: dict[str, str]
    api: dict[str, str]

    def path(self, route: str) -> str:
        """The address, for a request."""
        if route in QUERIES:
            return f"/{route}?{QUERIES[route]}"
        if route.startswith("^parts/changes/"):
            return f"/parts/changes/{self.admin['policy/change']}/"
        if route.startswith("matrix/<"):
            return "/matrix/files/"
        if route.startswith("admin/"):
            model = "/".join(route.split("/")[1:3])
            return "/" + re.sub(r"<\w+:\w+>", self.admin.get(model, "0"), route)
        section = route.split("/")[2] if route.count("/") > 1 else ""
        return "/" + re.sub(r"<\w+:(\w+)>", lambda found: self.api[f"{section}.{found.group(1)}"], route)


def a_company() -> Keys:
    """One of everything."""
    server, principal, group = ServerFactory(id="files"), PrincipalFactory(subject="ada"), GroupFactory(name="writers")
    trust_level("unknown")
    tool, provider = ToolFactory(server=server, name="read"), IdentityProviderFactory(issuer="https://idp.example")
    grant = GrantFactory(key="g-1", principal=principal, server=server)
    record_admin_receipt(actor="ada", action="test", detail={})
    now = timezone.now()
    later = now + timedelta(days=1)
    change = Change.objects.create(kind=Kind.POLICY, actor="ada")
    document = SignedDocument.objects.create(
        kind=Kind.POLICY, server=server, number=1, generation=1, envelope='{"payload": "e30="}', payload_hash="sha256:0"
    )
    proposal = Proposal.objects.create(
        section="groups", item={"name": "new"}, summary="+ group new", proposed_by="somebody"
    )
    switch = KillSwitch.objects.create(target="server:files", reason="r", raised_by="ada")
    revoked = RevokedPrincipal.objects.create(subject="eve", issuer="drawbridge", actor="ada")
    revoked_token = RevokedToken.objects.create(jti="jti-revoked", expires_at=later, actor="ada")
    quarantine = Quarantine.objects.create(target="session:s1", actor="ada")
    plan = PlannedKill.objects.create(target="all", reason="r", planned_by="ada", starts_at=later)
    notice = Notice.objects.create(kind="redis_away", text="t", opened_at=now)
    block = EgressBlock.objects.create(server=server, actor="ada")
    token = IssuedToken.objects.create(jti="jti-1", subject="ada", issued_by="ada", issued_at=now, expires_at=later)
    enforcer = Enforcer.objects.create(
        id="gate", public_key=SigningKey.generate().public.text, redis_password_sha256="0", broker_password_sha256="0"
    )
    enforcer.servers.set([server])
    api_token = ApiToken.objects.create(name="ci", scopes=["view"], created_by="ada", expires_at=later)
    somebody = User.objects.create(username="somebody", is_staff=True)
    ToolFactory(server=server, name="waits", state="unreviewed")
    pattern = RiskPattern.objects.create(pattern="kubectl delete", risk="CRITICAL", where="arguments")
    backend = VaultBackend.objects.create(name="bao", kind="openbao", address="https://bao.example", mount="secret")
    reference = VaultReference.objects.create(server=server, backend=backend, path="files", field="token")
    conflict = Conflict.objects.create(enforcer_id="gate", chain_id="c", sequence=1, line=b"{}", problem="p")
    receipt = Receipt.objects.get()
    return Keys(
        admin={
            "inventory/trustlevel": "internal",
            "inventory/server": server.pk,
            "inventory/tool": str(tool.pk),
            "inventory/riskpattern": str(pattern.pk),
            "principals/principal": str(principal.pk),
            "principals/group": str(group.pk),
            "principals/identityprovider": str(provider.pk),
            "principals/issuedtoken": token.pk,
            "grants/grant": str(grant.pk),
            "policy/change": str(change.pk),
            "policy/signeddocument": str(document.pk),
            "policy/proposal": str(proposal.pk),
            "incidents/killswitch": str(switch.pk),
            "incidents/revokedprincipal": str(revoked.pk),
            "incidents/revokedtoken": str(revoked_token.pk),
            "incidents/quarantine": str(quarantine.pk),
            "incidents/egressblock": str(block.pk),
            "notices/notice": str(notice.pk),
            "incidents/plannedkill": str(plan.pk),
            "fleet/enforcer": enforcer.pk,
            "receipts/receipt": receipt.pk,
            "receipts/chain": receipt.chain_id,
            "receipts/conflict": str(conflict.pk),
            "credentials/vaultbackend": backend.pk,
            "credentials/vaultreference": str(reference.pk),
            "accounts/role": str(Role.objects.get(name="viewer").pk),
            "accounts/user": str(somebody.pk),
            "accounts/apitoken": api_token.pk,
        },
        api={
            "trust-levels.name": "internal",
            "identity-providers.issuer": provider.issuer,
            "vault-backends.name": backend.name,
            "groups.name": group.name,
            "principals.subject": principal.subject,
            "servers.id": server.pk,
            "tools.server": server.pk,
            "tools.name": tool.name,
            "principal-access.subject": principal.subject,
            "tool-reviews.server": server.pk,
            "tool-reviews.name": tool.name,
            "tool-access.server": server.pk,
            "tool-access.name": tool.name,
            "risk-patterns.where": pattern.where,
            "risk-patterns.pattern": pattern.pattern,
            "grants.id": grant.key,
            "tokens.jti": token.pk,
            "kill-switches.pk": str(switch.pk),
            "proposals.pk": str(proposal.pk),
            "changes.pk": str(change.pk),
            "documents.pk": str(document.pk),
            "enforcers.id": enforcer.pk,
            "receipts.receipt_id": receipt.pk,
            "users.username": somebody.username,
            "api-tokens.key": api_token.pk,
        },
    )
