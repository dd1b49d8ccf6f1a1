"""The only writer of trust levels, servers and tools. A `write_*` returns the servers whose policy it touched."""

from dataclasses import asdict, fields

from django.db import transaction

from controlplane.inventory.models import Server, Tool, ToolState, TrustLevel
from controlplane.inventory.specs import ServerSpec, ToolSpec, TrustLevelSpec
from controlplane.policy.services import policy_changed


@transaction.atomic
def tune_trust_level(*, level: TrustLevelSpec, actor: str, reason: str = "") -> int:
    """Set the values of a level; returns the change id."""
    return policy_changed(server_ids=write_trust_level(level), actor=actor, reason=reason)


@transaction.atomic
def save_server(*, server: ServerSpec, actor: str, reason: str = "") -> int:
    """Create, change or bring back a server; returns the change id."""
    return policy_changed(server_ids=write_server(server), actor=actor, reason=reason)


@transaction.atomic
def save_tool(*, tool: ToolSpec, actor: str, reason: str = "") -> int:
    """Declare a tool; returns the change id."""
    return policy_changed(server_ids=write_tool(tool), actor=actor, reason=reason)


def write_trust_level(level: TrustLevelSpec) -> set[str]:
    """The row only, for services that publish themselves."""
    TrustLevel.objects.update_or_create(name=level.name, defaults=asdict(level))
    return set(Server.objects.filter(trust_level_id=level.name).values_list("id", flat=True))


def write_server(server: ServerSpec) -> set[str]:
    """The row only, for services that publish themselves."""
    Server.objects.update_or_create(id=server.id, defaults={**asdict(server), "retired": False})
    return {server.id}


def retire_server(server_id: str) -> set[str]:
    """A server without tools, credential and grants (their deletion comes first); its version numbers live on."""
    server = Server.objects.get(id=server_id)
    kept = ServerSpec(id=server.id, title=server.title, trust_level_id=server.trust_level_id)
    for field in fields(kept):
        setattr(server, field.name, getattr(kept, field.name))
    server.retired = True
    server.save()
    return {server_id}


def write_tool(tool: ToolSpec) -> set[str]:
    """The row only. A new declaration is reviewed in what it declares and forgets the pin; a quarantine stays."""
    row = Tool.objects.filter(server_id=tool.server_id, name=tool.name).first() or Tool()
    if not row.declared or row.input_schema != tool.input_schema:
        row.pin = ""
        if row.state != ToolState.QUARANTINED:
            row.state = ToolState.REVIEWED
    for field in fields(tool):
        setattr(row, field.name, getattr(tool, field.name))
    row.declared = True
    row.save()
    return {tool.server_id}


def delete_tool(server_id: str, name: str) -> set[str]:
    """A declared tool; discovered ones are what the server has, not what somebody wrote."""
    Tool.objects.filter(server_id=server_id, name=name, declared=True).delete()
    return {server_id}
