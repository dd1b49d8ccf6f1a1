"""Which definitions lead back to themselves, and which do so without ever taking a part of the value (endless)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from enforcer.policy.schemas.node import Flat, Node, UnfitError, inside

MAX_IN_PLACE = 32


@dataclass(frozen=True, slots=True)
class References:
    """`group` numbers definitions so that those of one cycle share a number; `recursive` are those in a cycle."""

    group: Mapping[str, int]
    recursive: frozenset[str]

    def same_cycle(self, one: str, other: str) -> bool:
        """Whether each leads to the other."""
        return one in self.recursive and self.group[one] == self.group[other]


def survey(flat: Flat) -> References:
    """Raises `UnfitError` for a reference that leads to itself in place."""
    graph = {name: {n.ref for n in inside(node) if n.ref is not None} for name, node in flat.defs.items()}
    _refuse_endless(flat)
    group: dict[str, int] = {}
    for component in _components(graph):
        number = len(group)
        group.update(dict.fromkeys(component, number))
    sizes: dict[int, int] = {}
    for number in group.values():
        sizes[number] = sizes.get(number, 0) + 1
    recursive = frozenset(name for name in graph if sizes[group[name]] > 1 or name in graph[name])
    return References(group, recursive)


def _refuse_endless(flat: Flat) -> None:
    left = {name: set(in_place_references(node)) for name, node in flat.defs.items()}
    for _ in range(MAX_IN_PLACE):
        done = {name for name, targets in left.items() if not targets}
        left = {name: targets - done for name, targets in left.items() if name not in done}
        if not left:
            return
    pointer = flat.defs[min(left)].pointer
    raise UnfitError(pointer, "refers to itself in place, or is too far behind references", "refer from a property")


def in_place_references(node: Node) -> Iterator[str]:
    """The definitions that apply to the same value."""
    pending = [node]
    while pending:
        node = pending.pop()
        if node.ref is not None:
            yield node.ref
        pending.extend(node.in_place())
        if "not" in node.ones:
            pending.append(node.ones["not"])


def _components(graph: Mapping[str, set[str]]) -> Iterator[list[str]]:
    """Strongly connected components, in two passes without recursion (Kosaraju, Sharir)."""
    backwards: dict[str, list[str]] = {name: [] for name in graph}
    for name, targets in graph.items():
        for target in targets:
            backwards[target].append(name)
    seen: set[str] = set()
    order = [name for start in graph for name in _finished(start, graph, seen)]
    seen = set()
    for start in reversed(order):
        component = list(_finished(start, backwards, seen))
        if component:
            yield component


def _finished(start: str, graph: Mapping[str, set[str]] | Mapping[str, list[str]], seen: set[str]) -> Iterator[str]:
    if start in seen:
        return
    seen.add(start)
    path = [(start, iter(graph[start]))]
    while path:
        name, targets = path[-1]
        following = next((target for target in targets if target not in seen), None)
        if following is None:
            path.pop()
            yield name
        else:
            seen.add(following)
            path.append((following, iter(graph[following])))
