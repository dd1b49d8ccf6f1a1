"""How servers stand: what was published for them, who enforces it, what is switched off there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Count, Q

from controlplane.fleet.models import ACTIVE, Enforcer
from controlplane.incidents.compile import concerns
from controlplane.incidents.models import KillSwitch
from controlplane.inventory.models import Server, Tool, ToolState
from enforcer.contract.targets import Target, parse_target
from enforcer.policy.globs import matches

UNSET = "unset: every call is refused (DENY_PASSTHROUGH_BLOCKED)"


@dataclass(frozen=True, slots=True)
class Standing:
    """Of one server, in numbers. `killed`: a switch stops every tool of it; `partly`: others that may stop some."""

    tools: int
    waiting: int
    enforcers: int
    killed: bool
    partly: int


def standings(servers: Sequence[Server]) -> dict[str, Standing]:
    """Of these servers, in a handful of queries however many there are."""
    ids = [server.id for server in servers]
    tools = Tool.objects.filter(server__in=ids).order_by().values_list("server_id")
    waits = Count("pk", filter=~Q(state=ToolState.REVIEWED))
    counted = {id_: (total, waiting) for id_, total, waiting in tools.annotate(n=Count("pk"), waiting=waits)}
    served = Enforcer.servers.through._default_manager.filter(server__in=ids, enforcer__decommissioned_at__isnull=True)
    gates = dict(served.order_by().values_list("server_id").annotate(n=Count("pk")))
    raised = raised_switches()
    return {server.id: _standing(server, counted, gates, raised) for server in servers}


def _standing(
    server: Server, counted: dict[str, tuple[int, int]], gates: dict[str, int], raised: Iterable[KillSwitch]
) -> Standing:
    switches = switches_on(server, raised)
    whole = [switch for switch in switches if stops_all(switch, server)]
    total, waiting = counted.get(server.id, (0, 0))
    return Standing(total, waiting, gates.get(server.id, 0), bool(whole), len(switches) - len(whole))


def raised_switches() -> list[KillSwitch]:
    """All that are up, newest first; there are few."""
    return list(KillSwitch.objects.filter(lowered_at__isnull=True).order_by("-raised_at", "-id"))


def switches_on(server: Server, raised: Iterable[KillSwitch]) -> list[KillSwitch]:
    """Those that stop something there, or may: a principal's is everywhere."""
    return [switch for switch in raised if concerns(switch.target, server.id) and not _elsewhere(switch, server)]


def stops_all(switch: KillSwitch, server: Server) -> bool:
    """Whether it stops every tool of the server; a target that can't be read counts as all."""
    target = parse_target(switch.target)
    if not isinstance(target, Target) or target.kind == "all":
        return True
    if target.kind == "trust":
        return target.name == server.trust_level_id
    return target.kind in ("server", "credential") and target.name == server.id


def switches_on_tool(tool: Tool, raised: Iterable[KillSwitch]) -> list[KillSwitch]:
    """Those that stop every call of the tool, whoever makes it."""
    return [switch for switch in raised if stops_all(switch, tool.server) or _names(switch, tool)]


def enforcers_of(server: Server) -> list[Enforcer]:
    """Enrolled and not decommissioned; a server has a handful."""
    return list(server.enforcers.filter(ACTIVE).order_by("id")[:50])


def _names(switch: KillSwitch, tool: Tool) -> bool:
    target = parse_target(switch.target)
    if not isinstance(target, Target):
        return True
    if target.kind == "risk":
        return target.name == tool.risk
    return target.kind == "tool" and target.server == tool.server_id and matches(target.name, tool.name)


def _elsewhere(switch: KillSwitch, server: Server) -> bool:
    target = parse_target(switch.target)
    return isinstance(target, Target) and target.kind == "trust" and target.name != server.trust_level_id
