"""The only writer of trust levels, servers and tools: the rows alone, for `controlplane.policy.edits` and `apply`.

States of tools are written by `review` too.
"""

from collections.abc import Sequence
from dataclasses import asdict, fields

from controlplane.common.bulk import create_all
from controlplane.common.numbers import as_read
from controlplane.inventory.definition import seen_definition
from controlplane.inventory.models import RiskPattern, Server, Tool, ToolState, TrustLevel
from controlplane.inventory.sightings import same_schema, schema_of
from controlplane.inventory.specs import RiskPatternSpec, ServerSpec, ToolSpec, TrustLevelSpec


def write_trust_level(level: TrustLevelSpec) -> None:
    """One of the four rows."""
    TrustLevel.objects.update_or_create(name=level.name, defaults=asdict(level))


def write_server(server: ServerSpec) -> None:
    """A retired one comes back with what is said here and nothing else."""
    _set_server(server, retired=False)


def retire_server(server_id: str) -> None:
    """A server without credential, workspace and grants (their deletion comes first); its version numbers live on."""
    row = Server.objects.get(id=server_id)
    _set_server(ServerSpec(id=row.id, title=row.title, trust_level_id=row.trust_level_id), retired=True)


def write_tool(tool: ToolSpec) -> None:
    """A new declaration is reviewed in what it declares; a quarantine stays.

    What was seen live is pinned where it has the declared schema, and holds the tool where it has another.
    """
    row = Tool.objects.filter(server_id=tool.server_id, name=tool.name).first() or Tool()
    if not row.declared or as_read(row.input_schema) != tool.input_schema:
        fits = bool(row.seen) and same_schema(tool.input_schema, schema_of(seen_definition(row)))
        row.pin = row.seen if fits else ""
        if row.state != ToolState.QUARANTINED:
            row.state = ToolState.REVIEWED if fits or not row.seen else ToolState.CHANGED
    for field in fields(tool):
        setattr(row, field.name, getattr(tool, field.name))
    row.declared = True
    row.save()


def create_tools(tools: Sequence[ToolSpec]) -> None:
    """Declared tools, in few queries; what a server was seen to have is written as `write_tool` does."""
    servers = {tool.server_id for tool in tools}
    known = set(Tool.objects.filter(server__in=servers).values_list("server_id", "name"))
    fresh = [Tool(declared=True, state=ToolState.REVIEWED, **asdict(tool)) for tool in tools if tool.key not in known]
    create_all(Tool, fresh)
    for tool in tools:
        if tool.key in known:
            write_tool(tool)


def write_risk_pattern(pattern: RiskPatternSpec) -> None:
    """The row."""
    RiskPattern.objects.update_or_create(
        where=pattern.where, pattern=pattern.pattern, defaults={"risk": pattern.risk.value}
    )


def delete_risk_pattern(pattern: RiskPatternSpec) -> None:
    """The row."""
    RiskPattern.objects.filter(where=pattern.where, pattern=pattern.pattern).delete()


def delete_tool(server_id: str, name: str) -> None:
    """A declared tool; discovered ones are what the server has, not what somebody wrote."""
    Tool.objects.filter(server_id=server_id, name=name, declared=True).delete()


def _set_server(server: ServerSpec, *, retired: bool) -> None:
    # not update_or_create: its FOR UPDATE would hold up the publisher, whose documents refer to the row
    row = Server.objects.filter(id=server.id).first() or Server(id=server.id)
    for name, value in asdict(server).items():
        setattr(row, name, value)
    row.retired = retired
    row.save()
