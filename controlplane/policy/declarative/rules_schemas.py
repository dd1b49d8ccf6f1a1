"""A second opinion on a schema at save: `jsonschema`'s, on top of the engine's that decides per call."""

from collections.abc import Iterator

from jsonschema import Draft7Validator, Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError

from controlplane.policy.declarative.problems import Fault
from enforcer.contract.strict_json import JsonObject

NO_FORMATS = FormatChecker(formats=())  # patterns are the linear engine's to judge, not Python's


def faults_of_schema(key: str, schema: JsonObject) -> Iterator[Fault]:
    """What its meta-schema says against it, the first thing; for a schema that the engine has compiled."""
    seventh = "draft-07" in str(schema.get("$schema", ""))
    dialect = Draft7Validator if seventh else Draft202012Validator
    try:
        dialect.check_schema(schema, format_checker=NO_FORMATS)
    except SchemaError as problem:
        place = tuple(step if isinstance(step, int) else str(step) for step in problem.absolute_path)
        what = f"is no valid JSON Schema: {problem.validator} does not hold there"
        yield Fault((key, *place), what, "see the specification of its dialect")
