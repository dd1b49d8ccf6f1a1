"""What is to be known of one call's arguments: whether they fit the tool, where their paths and URLs lead, how risky.

Pointers that are declared are always checked: without a workspace or an egress list such a call is refused. Pointers
found by name and schema are checked where there is something to check against; `unchecked` names the others for review.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from enforcer.contract.levels import Risk
from enforcer.contract.reasons import ReasonCode
from enforcer.contract.snapshot import ToolPolicy
from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.policy import paths, urls
from enforcer.policy.paths import Real
from enforcer.policy.pointers import ANY_DEPTH, Place, PointerProblem, Steps, parse, places, replace_at, text_of
from enforcer.policy.risk import is_critical
from enforcer.policy.schema import CompiledSchema, SchemaProblem, compile_arguments
from enforcer.policy.schemas.hints import Kind

MAX_POINTERS = 200
Problem: TypeAlias = tuple[ReasonCode, str]


@dataclass(frozen=True, slots=True)
class Pointers:
    """Where arguments of one kind are."""

    steps: tuple[Steps, ...]
    declared: bool


@dataclass(frozen=True, slots=True)
class CompiledTool:
    """A tool's checks, compiled once. `unchecked`: pointers that nothing is checked against."""

    schema: CompiledSchema
    path_pointers: Pointers
    url_pointers: Pointers
    workspace: str | None
    egress: tuple[str, ...]
    unchecked: tuple[str, ...]
    critical_patterns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ArgumentFacts:
    """`resolved`: the arguments with paths (relative to the workspace) and URLs as they lead; as sent on a problem."""

    problem: Problem | None
    resolved: JsonValue
    paths: tuple[tuple[str, str], ...]  # pointer, relative path
    urls: tuple[tuple[str, str], ...]  # pointer, host
    risk: Risk | None  # CRITICAL where a default pattern matches
    names_url: bool = False  # checked or not


@dataclass(frozen=True, slots=True)
class _Found:
    place: Place
    shown: str  # the path or host, for the receipt
    resolved: str


def compile_tool(
    tool: ToolPolicy, *, workspace: str | None, egress: tuple[str, ...], critical_patterns: tuple[str, ...] = ()
) -> CompiledTool | SchemaProblem:
    """Compile what `examine` needs."""
    schema = compile_arguments(tool.input_schema)
    if isinstance(schema, SchemaProblem):
        return schema
    found_paths = _pointers(tool.path_arguments, schema, "path")
    if isinstance(found_paths, SchemaProblem):
        return found_paths
    found_urls = _pointers(tool.url_arguments, schema, "url")
    if isinstance(found_urls, SchemaProblem):
        return found_urls
    loose = [p for p, guard in ((found_paths, workspace), (found_urls, egress)) if not p.declared and not guard]
    unchecked = tuple(text_of(steps) for pointers in loose for steps in pointers.steps)
    return CompiledTool(schema, found_paths, found_urls, workspace, egress, unchecked, critical_patterns)


def examine(tool: CompiledTool, arguments: JsonObject, *, real: Real | None) -> ArgumentFacts:
    """The facts, with the first problem in the order: unknown field, invalid, path, URL. `real`: see `paths`."""
    risk = Risk.CRITICAL if is_critical(arguments, tool.critical_patterns) else None
    problem = _schema_problem(tool, arguments) or next(_not_texts(tool, arguments), None)
    if problem is not None:
        return ArgumentFacts(problem, arguments, (), (), risk)
    found_paths = list(_paths(tool, arguments, real))
    found_urls = list(_urls(tool, arguments))
    problem = next((p for p in (*found_paths, *found_urls) if not isinstance(p, _Found)), None)
    path_facts = [f for f in found_paths if isinstance(f, _Found)]
    url_facts = [f for f in found_urls if isinstance(f, _Found)]
    resolved: JsonValue = arguments
    for found in (*path_facts, *url_facts) if problem is None else ():
        resolved = replace_at(resolved, found.place, found.resolved)
    names_url = bool(_texts(tool.url_pointers, arguments))
    return ArgumentFacts(problem, resolved, _shown(path_facts), _shown(url_facts), risk, names_url)


def _pointers(declared: tuple[str, ...] | None, schema: CompiledSchema, kind: Kind) -> Pointers | SchemaProblem:
    if declared is None:
        found = schema.places(kind)
        if len(found) > MAX_POINTERS:
            return SchemaProblem("", f"has more than {MAX_POINTERS} {kind} arguments", f"declare {kind}_arguments")
        return Pointers(found, declared=False)
    parsed = [parse(pointer) for pointer in declared]
    wrong = next((p for p in parsed if isinstance(p, PointerProblem)), None)
    if wrong is not None:
        return SchemaProblem("", f"{kind}_arguments: {wrong.detail}", "like /path or /files/*/name")
    return Pointers(tuple(p for p in parsed if not isinstance(p, PointerProblem)), declared=True)


def _schema_problem(tool: CompiledTool, arguments: JsonObject) -> Problem | None:
    problems = tool.schema.check(arguments)
    if not problems:
        return None
    first = problems[0]
    unknown = first.kind == "unknown_field"
    code = ReasonCode.DENY_UNKNOWN_FIELDS if unknown else ReasonCode.DENY_INVALID_ARGUMENTS
    return code, _at(first.pointer, first.message)


def _not_texts(tool: CompiledTool, arguments: JsonObject) -> Iterator[Problem]:
    """A path or URL that is no text can't be checked. Null is none."""
    for pointers, kind in ((_checked_paths(tool), "path"), (_checked_urls(tool), "URL")):
        for steps in pointers.steps:
            for place, value in places(arguments, steps):
                if not isinstance(value, str) and value is not None and not _is_passage(value, steps, pointers):
                    yield ReasonCode.DENY_INVALID_ARGUMENTS, _at(text_of(place), f"is to be a {kind}, and is no text")


def _is_passage(value: JsonValue, steps: Steps, pointers: Pointers) -> bool:
    """Whether other found pointers lead on through this list or object: it is another form of the same argument."""
    leads_on = ANY_DEPTH in steps or any(p[: len(steps)] == steps and len(p) > len(steps) for p in pointers.steps)
    return isinstance(value, (dict, list)) and not pointers.declared and leads_on


def _checked_paths(tool: CompiledTool) -> Pointers:
    unguarded = not tool.path_pointers.declared and not tool.workspace
    return Pointers((), declared=False) if unguarded else tool.path_pointers


def _checked_urls(tool: CompiledTool) -> Pointers:
    unguarded = not tool.url_pointers.declared and not tool.egress
    return Pointers((), declared=False) if unguarded else tool.url_pointers


def _paths(tool: CompiledTool, arguments: JsonObject, real: Real | None) -> Iterator[_Found | Problem]:
    for place, text in _texts(_checked_paths(tool), arguments):
        verdict = paths.check_path(text, workspace=tool.workspace or "", real=real)
        if isinstance(verdict, paths.Refused):
            yield ReasonCode.DENY_PATH_TRAVERSAL, _at(text_of(place), verdict.detail)
        else:
            yield _Found(place, verdict.relative, verdict.relative)


def _urls(tool: CompiledTool, arguments: JsonObject) -> Iterator[_Found | Problem]:
    for place, text in _texts(_checked_urls(tool), arguments):
        verdict = urls.check_url(text, tool.egress)
        if isinstance(verdict, urls.Refused):
            yield ReasonCode.DENY_EGRESS_BLOCKED, _at(text_of(place), verdict.detail)
        else:
            yield _Found(place, verdict.host, verdict.url)


def _texts(pointers: Pointers, arguments: JsonObject) -> list[tuple[Place, str]]:
    found = [hit for steps in pointers.steps for hit in places(arguments, steps)]
    return list({place: (place, value) for place, value in found if isinstance(value, str)}.values())


def _shown(found: list[_Found]) -> tuple[tuple[str, str], ...]:
    return tuple((text_of(each.place), each.shown) for each in found)


def _at(pointer: str, message: str) -> str:
    return f"{pointer}: {message}" if pointer else message
