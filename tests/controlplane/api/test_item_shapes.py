"""The document describes items as the readers take them: the same keys at every level, and examples that are taken."""

from collections.abc import Iterator
from typing import Any

import pytest

from controlplane.api import bodies
from controlplane.credentials.api_shapes import VaultBackendItem
from controlplane.grants.api_shapes import GrantItem
from controlplane.inventory.api_shapes import RiskPatternItem, ServerItem, ToolItem, TrustLevelItem
from controlplane.policy import edits
from controlplane.policy.declarative.reader import Reader
from controlplane.principals.api_shapes import GroupItem, IdentityProviderItem, PrincipalItem
from tests.controlplane.actors import ADA
from tests.controlplane.factories import PrincipalFactory, ServerFactory

pytestmark = pytest.mark.django_db
SHAPES: dict[str, type[bodies.Described]] = {
    "trust_levels": TrustLevelItem,
    "identity_providers": IdentityProviderItem,
    "vault_backends": VaultBackendItem,
    "groups": GroupItem,
    "principals": PrincipalItem,
    "servers": ServerItem,
    "tools": ToolItem,
    "grants": GrantItem,
    "risk_patterns": RiskPatternItem,
}
Path = tuple[str, ...]


def levels(schema: Any, path: Path = ()) -> Iterator[tuple[Path, set[str]]]:
    """Each mapping of a schema that is closed, with its keys."""
    if schema.get("additionalProperties") is False:
        yield path, set(schema["properties"])
        for key, inner in schema["properties"].items():
            yield from levels(inner, (*path, key))


def filled(schema: Any) -> Any:
    """A value with every key of every closed mapping."""
    if schema.get("additionalProperties") is False:
        return {key: filled(inner) for key, inner in schema["properties"].items()}
    return None


@pytest.mark.parametrize("section", SHAPES)
def test_its_keys_are_those_that_the_reader_asks_for(section: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[Path, set[str]] = {}
    unserved: set[str] = set()
    finish, not_served = Reader.finish, Reader.not_served

    def noting(reader: Reader) -> None:
        if reader.path:
            below = tuple(str(step) for step in reader.path[2:])
            asked.setdefault(below, set()).update(reader._known)
        finish(reader)

    def leaving_out(reader: Reader, key: str, **options: Any) -> None:
        if options.get("empty") is None:
            unserved.add(key)
        not_served(reader, key, **options)

    monkeypatch.setattr(Reader, "finish", noting)
    monkeypatch.setattr(Reader, "not_served", leaving_out)
    shape: Any = SHAPES[section].schema
    item = filled(shape)
    if section == "servers":
        item["credential"] = {"mode": "none"}  # without a mode its other keys are not looked at
    edits.save(section=section, item=item, actor=ADA, dry_run=True)
    described = dict(levels(shape))
    assert {path: keys - unserved for path, keys in asked.items()} == described


@pytest.mark.parametrize("section", SHAPES)
def test_its_example_is_taken(section: str) -> None:
    ServerFactory(id="files", workspace="/srv/files")
    PrincipalFactory(subject="ada")
    for example in SHAPES[section].schema["examples"]:  # type: ignore[union-attr]
        applied = edits.save(section=section, item=example, actor=ADA)  # type: ignore[arg-type]
        assert applied.problems == ()
        assert applied.changes
