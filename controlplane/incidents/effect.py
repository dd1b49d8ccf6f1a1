"""What a target stops, or would let through again: which servers, how many tools, who. Counted only so far."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from controlplane.common.unseen import shortened
from controlplane.fleet.under_way import under_way
from controlplane.grants.models import Effect as GrantEffect
from controlplane.grants.models import Grant
from controlplane.incidents.compile import concerns
from controlplane.incidents.models import KillSwitch
from controlplane.inventory.models import Server, Tool
from controlplane.principals.models import Principal
from controlplane.receipts.activity import lately
from controlplane.receipts.models import Receipt
from enforcer.contract.targets import Target, parse_target
from enforcer.policy.globs import matches

MANY = 1000
NAMED = 8
GLOBBED = 20_000
WHOLE_SERVERS = frozenset({"all", "server", "trust", "credential", "enforcer"})


@dataclass(frozen=True, slots=True)
class Some:
    """The first names; `count` goes no further than `MANY` and one."""

    names: tuple[str, ...]
    count: int

    @property
    def total(self) -> str:
        """As a number in words."""
        return f"more than {MANY:,}" if self.count > MANY else f"{self.count:,}"

    def words(self, noun: str) -> str:
        """`2 servers: files, mail`."""
        more = ", …" if self.count > len(self.names) else ""
        named = f": {', '.join(self.names)}{more}" if self.names else ""
        return f"{self.total} {noun}{'' if self.count == 1 else 's'}{named}"


def effect_lines(text: str) -> list[str]:
    """A few sentences; none for what is no target."""
    target = parse_target(text)
    if not isinstance(target, Target):
        return []
    return [*_whom(target), *_where(target), *_now(target), *_lately(target)]


def still_held(switch: KillSwitch) -> list[str]:
    """Other raised switches that go on stopping something on the same servers."""
    others = KillSwitch.objects.filter(lowered_at__isnull=True).exclude(pk=switch.pk).order_by("-id")[:MANY]
    servers = _servers_named(switch.target)
    found = [
        _short(row.target) for row in others if servers is None or any(concerns(row.target, id_) for id_ in servers)
    ]
    if not found:
        return []
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return [f"Still raised, and so still stopped: {', '.join(found[:NAMED])}{more}"]


def _servers_named(text: str) -> list[str] | None:
    """None where a target is not of one server."""
    target = parse_target(text)
    if isinstance(target, Target) and target.kind in ("server", "tool", "credential"):
        return [target.server or target.name]
    return None


def _whom(target: Target) -> Iterator[str]:
    match target.kind:
        case "principal":
            issuers = _some(Principal.objects.filter(subject=target.name).order_by("issuer"), "issuer")
            known = (
                f"declared for {issuers.words('issuer')}" if issuers.count else "no principal of that name is declared"
            )
            yield f"Every call of {_short(target.name)}; {known}"
        case "group":
            members = _some(Principal.objects.filter(groups__name=target.name).order_by("subject"), "subject")
            yield f"Every call of a member of {_short(target.name)}, {members.words('member')}"
        case "session":
            yield "Every call of this one session, wherever it is; the control plane does not know whose it is"
        case "enforcer":
            yield f"Every call that passes the enforcer {target.name}, and none that passes another"
        case _:
            callers = _some(_callers(_servers(target)), "subject")
            yield f"Calls of {callers.words('principal')} with a grant there"


def _where(target: Target) -> Iterator[str]:
    servers = _servers(target)
    if target.kind != "session":
        yield f"On {_some(servers, 'id').words('server')}"
    tools = _tools(target, servers)
    if tools is not None:
        yield f"Of {tools.words('tool')}"


def _now(target: Target) -> Iterator[str]:
    """What enforcers say is under way. They count by server, whoever calls and whatever is called."""
    of = target.name if target.kind == "enforcer" else ""
    found = under_way(_servers(target), enforcer_id=of)
    if found is None:
        yield "What is under way there nobody can say now: Redis can’t be reached"
    elif found.enforcers:
        calls, sessions = _number(found.calls, "call"), _number(found.sessions, "open session")
        all_of_it = "" if target.kind in WHOLE_SERVERS else ", not only of this target"
        who = "" if found.said == found.enforcers else f"; {found.said} of {found.enforcers} enforcers say so"
        yield f"Under way there now: {calls}, {sessions}{all_of_it}{who}"


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _lately(target: Target) -> Iterator[str]:
    """Calls that it would have stopped, by what a receipt keeps in its columns."""
    calls, since = lately(timezone.now())
    found = calls_of(target, calls.filter(result="allow").exclude(tool_name=""))
    if found is not None:
        when = f"since {since[11:19]} UTC" if since else "in the last hour"
        passed = _some(found, "receipt_id")
        yield f"{passed.total} call{'' if passed.count == 1 else 's'} of it passed {when}"


def calls_of(target: Target, calls: QuerySet[Receipt]) -> QuerySet[Receipt] | None:
    """Those of `calls` that it names; none where the columns don't tell whose a call is."""
    match target.kind:
        case "session" | "risk":
            return None
        case "all":
            return calls
        case "enforcer":
            return calls.filter(enforcer_id=target.name)
        case "principal":
            return calls.filter(subject=target.name)
        case "group":
            members = Principal.objects.filter(groups__name=target.name).values_list("subject", flat=True)
            return calls.filter(subject__in=list(members[:MANY]))
        case "tool":
            named = _fitting(target, Tool.objects.filter(server_id=target.server))[:MANY]
            return calls.filter(server_id=target.server, tool_name__in=named)
        case _:
            return calls.filter(server_id__in=list(_servers(target).values_list("id", flat=True)[:MANY]))


def _servers(target: Target) -> QuerySet[Server]:
    live = Server.objects.filter(retired=False).order_by("id")
    match target.kind:
        case "server" | "credential":
            return live.filter(id=target.name)
        case "tool":
            return live.filter(id=target.server)
        case "trust":
            return live.filter(trust_level_id=target.name)
        case "risk":
            return live.filter(id__in=Tool.objects.filter(risk=target.name).values("server"))
        case "enforcer":
            return live.filter(enforcers__id=target.name)
        case "principal":
            return _granted(live, Principal.objects.filter(subject=target.name))
        case "group":
            return _granted(live, Principal.objects.filter(groups__name=target.name))
        case _:
            return live


def _granted(live: QuerySet[Server], principals: QuerySet[Principal]) -> QuerySet[Server]:
    """Servers of their grants; one that selects by risk alone may be of any."""
    own = Grant.objects.filter(effect=GrantEffect.ALLOW)
    grants = own.filter(Q(principal__in=principals) | Q(group__members__in=principals))
    if grants.filter(server__isnull=True, trust="").exists():
        return live
    named = Q(id__in=grants.filter(server__isnull=False).values("server"))
    return live.filter(named | Q(trust_level_id__in=grants.filter(server__isnull=True).values("trust")))


def _callers(servers: QuerySet[Server]) -> QuerySet[Principal]:
    allows = Grant.objects.filter(effect=GrantEffect.ALLOW).filter(Q(server__isnull=True) | Q(server__in=servers))
    direct = Q(id__in=allows.filter(principal__isnull=False).values("principal"))
    grouped = Q(groups__in=allows.filter(group__isnull=False).values("group"))
    return Principal.objects.filter(direct | grouped).distinct().order_by("subject", "id")


def _tools(target: Target, servers: QuerySet[Server]) -> Some | None:
    """Those that the target names; what a caller may call of them its grants say."""
    tools = Tool.objects.filter(server__in=servers).order_by("server_id", "name")
    match target.kind:
        case "session" | "principal" | "group":
            return None
        case "tool":
            found = _fitting(target, tools)
            return Some(tuple(_short(name) for name in found[:NAMED]), len(found))
        case "risk":
            tools = tools.filter(risk=target.name)
    return _some(tools, "name")


def _fitting(target: Target, tools: QuerySet[Tool]) -> list[str]:
    return [name for name in tools.values_list("name", flat=True)[:GLOBBED] if matches(target.name, name)]


def _some(rows: QuerySet[Any], field: str) -> Some:
    names = list(rows.values_list(field, flat=True)[: MANY + 1])
    return Some(tuple(_short(str(name)) for name in names[:NAMED]), len(names))


def _short(name: str) -> str:
    return shortened(name, 60)
