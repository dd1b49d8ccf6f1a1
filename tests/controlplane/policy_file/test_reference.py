"""docs/reference/policy-file.md has every key that the readers ask for, no other, and the defaults that they use."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlplane.policy.declarative.draft import Draft
from controlplane.policy.declarative.file import read_policy
from controlplane.policy.declarative.items import item_of
from controlplane.policy.declarative.policy import section
from controlplane.policy.declarative.problems import Path as Place
from controlplane.policy.declarative.problems import Problem
from controlplane.policy.declarative.reader import Reader
from enforcer.contract.strict_json import JsonObject, JsonValue
from tests.controlplane.policy_file.samples import NOW, bare, draft_of, written

PAGE = Path(__file__).parents[3] / "docs/reference/policy-file.md"
LEAST = """\
version: 1
trust_levels: [{name: internal}]
identity_providers: [{issuer: i, audience: a, algorithms: [EdDSA], jwks: {keys: []}}]
vault_backends: [{name: bao, kind: vault, address: 'https://bao'}]
groups: [{name: red}]
principals: [{subject: ada}]
risk_patterns: [{pattern: x, risk: HIGH}]
servers: [{id: files, trust_level: internal}]
tools: [{server: files, name: fs_read, input_schema: {}}]
grants: [{principal: ada, server: files, tools: ['*']}]
kill_switches: [{target: all, reason: r}]
"""
WITH_CHILDREN = (
    LEAST.replace("{name: internal}", "{name: internal, sandbox: {}, stale_s: {}}")
    .replace("{issuer: i,", "{issuer: i, claims: {},")
    .replace("{id: files,", "{id: files, credential: {mode: none}, sandbox: {}, allow: {}, limits: {},")
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Every key that some reader of a whole file knows."""
    readers: list[Reader] = []
    made = Reader.__init__

    def remember(reader: Reader, value: JsonValue, path: Place, problems: list[Problem]) -> None:
        made(reader, value, path, problems)
        readers.append(reader)

    monkeypatch.setattr(Reader, "__init__", remember)
    assert not draft_of(WITH_CHILDREN).problems
    return {name_of((*reader.path, key)) for reader in readers for key in reader._known if reader.path or key}


def name_of(path: Place) -> str:
    return "".join("[]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def rows() -> dict[str, tuple[str, str]]:
    """Key → its value and what it is without it."""
    lines = re.findall(r"^\| (`[\w.\[\]]+` \|.*)\|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    cells = [[cell.strip() for cell in line.split("|")] for line in lines]
    return {key.strip("`"): (value, default) for key, value, default, _ in cells}


def test_every_key_stands_in_the_reference_and_no_other(asked: set[str]) -> None:
    assert asked == set(rows())


def defaults() -> Iterator[tuple[str, str]]:
    for key, (_, default) in rows().items():
        found = re.match(r"`([^`]+)`", default)
        if found and "[]." in key:
            yield key, found[1]


@pytest.mark.parametrize(("key", "default"), defaults())
def test_writing_the_default_is_the_same_as_leaving_it_out(key: str, default: str) -> None:
    name, _, below = key.partition("[].")
    least, whole = written(LEAST).value, written(LEAST).value
    assert isinstance(whole, dict)
    item = first_item(whole, name)
    *parents, last = below.split(".")
    for parent in parents:
        item = item.setdefault(parent, {})  # type: ignore[assignment]
    assert last not in item
    value = written(f"a: {default}").value
    assert isinstance(value, dict)
    item[last] = value["a"]
    assert objects(whole, name) == objects(least, name)


@pytest.mark.parametrize("key", [key for key, (_, default) in rows().items() if default.startswith("required")])
def test_what_is_required_is_refused_where_it_is_missing(key: str) -> None:
    name, _, below = key.partition("[].")
    value = written(WITH_CHILDREN).value
    assert isinstance(value, dict)
    item = first_item(value, name) if below else value
    *parents, last = below.split(".") if below else [name]
    for parent in parents:
        item = item[parent]  # type: ignore[assignment]
    del item[last]
    assert draft(value).problems


def test_the_least_that_an_object_needs_is_all_that_its_item_says() -> None:
    assert list(item_of(section(draft(written(LEAST).value).said, "servers")["files"])) == ["id", "trust_level"]


def first_item(value: JsonObject, name: str) -> JsonObject:
    items = value[name]
    assert isinstance(items, list)
    item = items[0]
    assert isinstance(item, dict)
    return item


def draft(value: JsonValue) -> Draft:
    return read_policy(value, bare(), held=set(), now=NOW)


def objects(value: JsonValue, name: str) -> list[object]:
    made = draft(value)
    assert not made.problems
    return list(section(made.said, name).values())
