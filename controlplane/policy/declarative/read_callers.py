"""The sections `identity_providers`, `groups` and `principals`."""

from controlplane.policy.declarative.draft import Draft
from controlplane.policy.declarative.items import CLAIMS
from controlplane.policy.declarative.reader import Reader
from controlplane.policy.declarative.rules_keys import ALGORITHMS, check_jwks
from controlplane.principals.models import OWN_ISSUER, ActorType
from controlplane.principals.specs import GroupSpec, IdentityProviderSpec, PrincipalSpec

LONGEST_URL = 512
ACTOR_TYPES = tuple(ActorType.values)


def read_identity_provider(reader: Reader, draft: Draft) -> None:
    """Keys inline; fetching them comes later."""
    reader.not_served("jwks_uri", right="write the keys under jwks:")
    claims = reader.child("claims") or Reader({}, reader.path, [])
    algorithms = reader.texts("algorithms")
    if not algorithms:
        reader.wrong("algorithms", "lists none", f"some of {', '.join(ALGORITHMS)}")
    for number, algorithm in enumerate(algorithms or []):
        if algorithm not in ALGORITHMS:
            reader.wrong(("algorithms", number), f"{algorithm!r} is not accepted", f"one of {', '.join(ALGORITHMS)}")
    jwks = reader.mapping("jwks")
    if jwks is None and "jwks" not in reader and "jwks_uri" not in reader:
        reader.wrong("jwks", "is missing", "write jwks: {keys: […]} with the issuer's public keys")
    check_jwks(reader, jwks or {"keys": []})
    provider = IdentityProviderSpec(
        issuer=reader.text("issuer", longest=LONGEST_URL),
        audience=reader.text("audience", longest=LONGEST_URL),
        algorithms=sorted(set(algorithms or [])),
        jwks=jwks or {"keys": []},
        claim_subject=claims.text("subject", default=CLAIMS["subject"]),
        claim_actor_type=claims.text("actor_type", default=CLAIMS["actor_type"]),
        claim_client_id=claims.text("client_id", default=CLAIMS["client_id"]),
        claim_org_id=claims.text("org_id", default=CLAIMS["org_id"]),
    )
    claims.finish()
    if provider.issuer == OWN_ISSUER:
        reader.wrong("issuer", f"{OWN_ISSUER} is the control plane itself", "the iss of the provider's tokens")
    draft.add("identity_providers", provider.issuer, provider, reader)


def read_group(reader: Reader, draft: Draft) -> None:
    """A name; members are said at the principals."""
    group = GroupSpec(name=reader.text("name"))
    draft.add("groups", group.name, group, reader)


def read_principal(reader: Reader, draft: Draft) -> None:
    """A group that is only named here is created."""
    default = draft.said.default_issuer() or draft.current.default_issuer() or OWN_ISSUER
    issuer = reader.text("issuer", default=default, longest=LONGEST_URL)
    known = draft.issuers()
    principal = PrincipalSpec(
        subject=reader.text("subject"),
        issuer=issuer,
        actor_type=reader.choice("actor_type", ACTOR_TYPES, default=ActorType.USER),
        groups=sorted(set(reader.texts("groups") or [])),
    )
    stands = principal.key in draft.rows.principals
    if issuer not in known and not stands:
        reader.wrong("issuer", f"{issuer!r} is no known issuer", f"one of {', '.join(sorted(known))}")
    draft.add("principals", principal.key, principal, reader)
    if issuer not in known and stands:
        draft.warn("principals", principal.key, ("issuer",), f"{issuer!r} is no known issuer", "its tokens are refused")
    for name in principal.groups:
        draft.said.groups.setdefault(name, GroupSpec(name=name))
