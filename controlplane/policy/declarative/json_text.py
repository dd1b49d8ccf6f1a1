"""A policy file as JSON: an object of the policy a line, so that two files can be compared line by line."""

import json
from collections.abc import Iterator

from enforcer.contract.strict_json import JsonObject


def json_lines_of(document: JsonObject) -> Iterator[str]:
    """The text in pieces. Whatever isn't ASCII is an escape, so nothing in it is invisible."""
    before = "{"
    for key, value in document.items():
        yield f"{before}{json.dumps(key)}: "
        before = ",\n"
        if isinstance(value, list) and value:
            yield "[\n" + json.dumps(value[0])
            for item in value[1:]:
                yield ",\n" + json.dumps(item)
            yield "\n]"
        else:
            yield json.dumps(value)
    yield "}\n"
