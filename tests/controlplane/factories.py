"""Rows for tests: ada, her server and what she may do there."""

from typing import Any

import factory
from factory.django import DjangoModelFactory

from controlplane.grants.models import Grant
from controlplane.inventory.models import Server, Tool, TrustLevel
from controlplane.inventory.specs import default_trust_level
from controlplane.principals.models import Group, IdentityProvider, Principal
from enforcer.contract.levels import TrustLevel as Level

PATH_SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}


def trust_level(name: str) -> TrustLevel:
    """The row of the level, made anew where a flush took it."""
    spec = default_trust_level(Level(name))
    values = {field: getattr(spec, field) for field in spec.__slots__ if field != "name"}
    return TrustLevel.objects.get_or_create(name=name, defaults=values)[0]


class ServerFactory(DjangoModelFactory[Server]):
    class Meta:
        model = Server

    id = factory.Sequence(lambda n: f"server-{n}")
    title = "A server"
    trust_level = factory.LazyFunction(lambda: trust_level("internal"))
    credential_mode = "none"


class ToolFactory(DjangoModelFactory[Tool]):
    class Meta:
        model = Tool

    server = factory.SubFactory(ServerFactory)
    name = factory.Sequence(lambda n: f"tool_{n}")
    risk = "LOW"
    input_schema = factory.LazyFunction(lambda: PATH_SCHEMA)
    declared = True
    state = "reviewed"


class GroupFactory(DjangoModelFactory[Group]):
    class Meta:
        model = Group

    name = factory.Sequence(lambda n: f"group-{n}")


class PrincipalFactory(DjangoModelFactory[Principal]):
    class Meta:
        model = Principal
        skip_postgeneration_save = True

    subject = factory.Sequence(lambda n: f"ada-{n}")

    @factory.post_generation
    def groups(self: Any, create: bool, extracted: list[Group] | None, **kwargs: Any) -> None:
        if extracted:
            self.groups.set(extracted)


class IdentityProviderFactory(DjangoModelFactory[IdentityProvider]):
    class Meta:
        model = IdentityProvider

    issuer = factory.Sequence(lambda n: f"https://idp-{n}.example")
    audience = "drawbridge"
    algorithms = factory.LazyFunction(lambda: ["EdDSA"])
    jwks = factory.LazyFunction(lambda: {"keys": []})


class GrantFactory(DjangoModelFactory[Grant]):
    """Principal ada on a server's every tool, unless told otherwise."""

    class Meta:
        model = Grant

    key = factory.Sequence(lambda n: f"g-{n:04}")
    principal = factory.SubFactory(PrincipalFactory)
    server = factory.SubFactory(ServerFactory)
    tools = factory.LazyFunction(lambda: ["*"])
