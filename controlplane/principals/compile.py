"""Rows of this app → their part of a snapshot."""

from controlplane.principals.models import IdentityProvider as ProviderRow
from enforcer.contract.snapshot import Claims, IdentityProvider


def identity_provider(row: ProviderRow) -> IdentityProvider:
    """An issuer whose tokens are accepted."""
    return IdentityProvider(
        issuer=row.issuer,
        audience=row.audience,
        algorithms=tuple(row.algorithms),
        jwks=row.jwks,
        claims=Claims(
            subject=row.claim_subject,
            actor_type=row.claim_actor_type,
            client_id=row.claim_client_id,
            org_id=row.claim_org_id,
        ),
    )
