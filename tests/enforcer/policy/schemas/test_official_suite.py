"""The official JSON Schema test suite: where this reading differs from it, and from `jsonschema`, it refuses.

The cases are the required ones of JSON-Schema-Test-Suite (MIT), as `jsonschema` 4.26 carries them; `differences.json`
lists every one that is judged otherwise here, and why. `python -m tests.enforcer.policy.schemas.test_official_suite`
writes that list anew: look at what changed.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from enforcer.contract.strict_json import JsonObject
from enforcer.policy.schema import CompiledSchema, SchemaProblem, compile_constraint

DATA = Path(__file__).parents[3] / "vectors" / "json_schema_suite"
DIALECTS = {
    "draft2020-12": ("https://json-schema.org/draft/2020-12/schema", jsonschema.Draft202012Validator),
    "draft7": ("http://json-schema.org/draft-07/schema#", jsonschema.Draft7Validator),
}
Differences = dict[str, dict[str, str]]


def groups(draft: str) -> Iterator[tuple[str, JsonObject, list[dict[str, Any]]]]:
    """A name, a schema that says its dialect, and its tests."""
    for file, found in json.loads((DATA / f"{draft}.json").read_text()).items():
        for group in found:
            schema = group["schema"] if isinstance(group["schema"], dict) else {"allOf": [group["schema"]]}
            yield f"{file}: {group['description']}", {"$schema": DIALECTS[draft][0], **schema}, group["tests"]


def differences(draft: str) -> dict[str, str]:
    """Name → why, of all that is judged otherwise than the suite says."""
    found: dict[str, str] = {}
    for name, schema, tests in groups(draft):
        compiled = compile_constraint(schema)
        if isinstance(compiled, SchemaProblem):
            found[name] = f"schema refused: {compiled.message}"
            continue
        for test in tests:
            if compiled.satisfied(test["data"]) != test["valid"]:
                verdict = "refused here" if test["valid"] else "ACCEPTED HERE"
                found[f"{name}: {test['description']}"] = verdict
    return found


def listed() -> Differences:
    made: Differences = json.loads((DATA / "differences.json").read_text())
    return made


@pytest.mark.parametrize("draft", DIALECTS)
def test_every_difference_from_the_suite_is_listed_and_decided_towards_refusing(draft: str) -> None:
    found = differences(draft)
    assert found == listed()[draft]
    assert not [name for name, verdict in found.items() if verdict == "ACCEPTED HERE"]


@pytest.mark.parametrize("draft", DIALECTS)
def test_nothing_is_accepted_that_the_checker_at_save_refuses(draft: str) -> None:
    checker = DIALECTS[draft][1]
    for name, schema, tests in groups(draft):
        compiled = compile_constraint(schema)
        if isinstance(compiled, CompiledSchema):
            judge = checker(schema)
            for test in tests:
                if compiled.satisfied(test["data"]):
                    assert judge.is_valid(test["data"]), (name, test["description"])


def test_most_of_the_suite_is_judged_as_it_says() -> None:
    for draft in DIALECTS:
        cases = sum(len(tests) for _, _, tests in groups(draft))
        refused = sum(len(tests) for name, _, tests in groups(draft) if name in listed()[draft])
        assert refused < cases * 0.35, (draft, refused, cases)


if __name__ == "__main__":
    (DATA / "differences.json").write_text(
        json.dumps({d: differences(d) for d in DIALECTS}, indent=1, sort_keys=True) + "\n"
    )
