"""A second opinion on a schema at save: `jsonschema`'s, on top of the engine's that decides per call."""

import json
from collections.abc import Iterator
from functools import lru_cache

from jsonschema import Draft7Validator, Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError

from controlplane.policy.declarative.problems import Fault
from enforcer.contract.strict_json import JsonObject

NO_FORMATS = FormatChecker(formats=())  # patterns are the linear engine's to judge, not Python's


def faults_of_schema(key: str, schema: JsonObject) -> Iterator[Fault]:
    """What its meta-schema says against it, the first thing; for a schema that the engine has compiled."""
    found = _fault(json.dumps(schema, sort_keys=True))
    if found is not None:
        place, keyword = found
        what = f"is no valid JSON Schema: {keyword} does not hold there"
        yield Fault((key, *place), what, "see the specification of its dialect")


@lru_cache(maxsize=1024)  # tools of one kind mostly take the same
def _fault(text: str) -> tuple[tuple[str | int, ...], str] | None:
    schema = json.loads(text)
    dialect = Draft7Validator if "draft-07" in str(schema.get("$schema", "")) else Draft202012Validator
    try:
        dialect.check_schema(schema, format_checker=NO_FORMATS)
    except SchemaError as problem:
        return tuple(step if isinstance(step, int) else str(step) for step in problem.absolute_path), str(
            problem.validator
        )
    return None
