"""Finds the arguments that are paths or URLs, from name, `format` and description.

Only texts count, and what may be anything. A name decides first, by its words, the last one before the others:
`dataPath` and `path_to_read` are paths, `file_content` is not; `source` and the like only as the whole name. Then
`format`, then a description that speaks of a path or a URL. To find too much costs little (harmless text passes the
checks); what was found is shown in review and can be declared instead.

Below a recursive reference a field is looked for at any depth (`**`).
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal, NamedTuple

from enforcer.policy.pointers import ANY_DEPTH, EACH, Steps
from enforcer.policy.schemas.node import Flat, Node, inside, word_set
from enforcer.policy.schemas.references import References

Kind = Literal["path", "url"]
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_PATH_NAMES = word_set(
    "path paths filepath filepaths filename filenames file files dir dirs directory directories folder"
    " folders cwd workdir pathname dirname subdir"
)
_URL_NAMES = word_set("url urls uri uris href hrefs endpoint webhook link links")
_PATH_WHOLE_NAMES = word_set("source destination src dst dest root")
_NEITHER = word_set(
    "content contents text body data message query pattern regex title description type format encoding mode"
    " size count id ids kind hash line lines limit depth number date time timestamp owner permissions"
    " extension extensions"
)
_FORMATS: dict[str, Kind] = {
    "path": "path",
    "file-path": "path",
    "filepath": "path",
    "directory-path": "path",
    "uri": "url",
    "url": "url",
    "iri": "url",
    "uri-reference": "url",
    "iri-reference": "url",
}
_PATH_PROSE = re.compile(
    r"\bpaths? (?:to|of|for|in|inside|within|where|relative)\b"
    r"|\b(?:file|directory|folder|absolute|relative|full|repository) paths?\b"
    r"|^(?:the )?(?:path|directory|folder)\b|\bname of the (?:file|directory|folder)\b",
    re.IGNORECASE,
)
_URL_PROSE = re.compile(r"\b(?:url|uri)s?\b", re.IGNORECASE)


class _Place(NamedTuple):
    name: str  # of the nearest property
    steps: Steps


def find(flat: Flat, references: References, kind: Kind) -> tuple[Steps, ...]:
    """Where the schema has arguments of this kind. The schema's work must have been checked (`limits.check_work`)."""
    finder = _Finder(flat, references, kind)
    return tuple(dict.fromkeys(finder.walk(flat.root, _Place("", ()))))


class _Finder:
    def __init__(self, flat: Flat, references: References, kind: Kind) -> None:
        self._defs = flat.defs
        self._references = references
        self._kind = kind
        self._below_cycle: dict[str, tuple[Steps, ...]] = {}

    def walk(self, node: Node, place: _Place) -> Iterator[Steps]:
        yield from self._itself(node, place)
        for child, below in _below(node, place):
            yield from self.walk(child, below)
        if node.ref is not None and node.ref in self._references.recursive:
            yield from self._anywhere(node.ref, place)
        elif node.ref is not None:
            yield from self.walk(_described(self._defs[node.ref], node), place)

    def _anywhere(self, start: str, place: _Place) -> Iterator[Steps]:
        yield from self._within(self._defs[start], place)
        if _kind_of_name(place.name) == self._kind:
            yield (*place.steps, ANY_DEPTH, EACH)
        if start not in self._below_cycle:
            self._below_cycle[start] = tuple(dict.fromkeys(self._named_below(start)))
        for steps in self._below_cycle[start]:
            yield (*place.steps, ANY_DEPTH, *steps)

    def _named_below(self, start: str) -> Iterator[Steps]:
        for node in self._reachable(start):
            for name, child in node.maps.get("properties", {}).items():
                yield from self._within(child, _Place(name, (name,)))

    def _within(self, node: Node, place: _Place) -> Iterator[Steps]:
        """As `walk`, references not followed into a cycle."""
        yield from self._itself(node, place)
        for child, below in _below(node, place):
            yield from self._within(child, below)
        if node.ref is not None and node.ref not in self._references.recursive:
            yield from self._within(_described(self._defs[node.ref], node), place)

    def _itself(self, node: Node, place: _Place) -> Iterator[Steps]:
        if place.name and _may_be_text(node) and _kind_of(node, place.name) == self._kind:
            yield place.steps

    def _reachable(self, start: str) -> Iterator[Node]:
        pending, seen = [start], {start}
        while pending:
            for node in inside(self._defs[pending.pop()]):
                yield node
                if node.ref is not None and node.ref not in seen:
                    seen.add(node.ref)
                    pending.append(node.ref)


def _may_be_text(node: Node) -> bool:
    if node.never:
        return False
    kinds = node.plain.get("type")
    if kinds is not None:
        return kinds == "string" or (isinstance(kinds, list) and "string" in kinds)
    return not (node.ref or node.lists or node.maps)


def _below(node: Node, place: _Place) -> Iterator[tuple[Node, _Place]]:
    for member in node.in_place():
        yield _described(member, node), place
    for key in ("items", "unevaluatedItems", "additionalProperties", "unevaluatedProperties"):
        if key in node.ones:
            yield _described(node.ones[key], node), _Place(place.name, (*place.steps, EACH))
    for number, member in enumerate(node.lists.get("prefixItems", ())):
        yield member, _Place(place.name, (*place.steps, str(number)))
    for name, child in node.maps.get("properties", {}).items():
        yield child, _Place(name, (*place.steps, name))
    for child in node.maps.get("patternProperties", {}).values():
        yield child, _Place(place.name, (*place.steps, EACH))


def _described(node: Node, parent: Node) -> Node:
    """A member or target, with the description of what it stands in where it has none."""
    return replace(node, hints=parent.hints) if parent.hints and not node.hints else node


def _kind_of(node: Node, name: str) -> Kind | None:
    kind = _kind_of_name(name)
    form = node.hints.get("format")
    if kind == "other" and isinstance(form, str):
        kind = _FORMATS.get(form, "other")
    prose = node.hints.get("description")
    if kind == "other" and isinstance(prose, str) and not _last_word(name) & _NEITHER:
        kind = "path" if _PATH_PROSE.search(prose[:2000]) else "url" if _URL_PROSE.search(prose[:2000]) else "other"
    return None if kind == "other" else kind


def _kind_of_name(name: str) -> Kind | Literal["other"]:
    last, words = _last_word(name), frozenset(word.lower() for word in _WORDS.findall(name))
    for names in (last, frozenset[str]() if last & _NEITHER else words):
        if names & _URL_NAMES:
            return "url"
        if names & _PATH_NAMES:
            return "path"
    return "path" if name.lower() in _PATH_WHOLE_NAMES else "other"


def _last_word(name: str) -> frozenset[str]:
    words = [word.lower() for word in _WORDS.findall(name) if not word.isdigit()]
    return frozenset(words[-1:])
