"""Request bodies, read in the one way in which they can be: strict JSON, and YAML for a whole policy file."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import IO, Any

from rest_framework.parsers import BaseParser

from controlplane.api.problems import Refusal, refused_body
from controlplane.policy.declarative.problems import Problem
from controlplane.policy.declarative.yaml_lines import MAX_BYTES, read_yaml
from enforcer.contract import strict_json
from enforcer.contract.strict_json import JsonValue, StrictJsonError

LARGEST = 1_000_000
NUL = "\0"


class StrictJsonParser(BaseParser):
    """Duplicate keys, NaN, lone surrogates, depth beyond reason and NUL are refused: 400. Too much of it: 413."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,  # noqa: ARG002 - the framework's signature
        parser_context: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> Any:
        """The value."""
        raw = read_all(stream, LARGEST)
        try:
            value = strict_json.parse(raw)
        except StrictJsonError as problem:
            raise Refusal(HTTPStatus.BAD_REQUEST, f"the body: {problem}") from None
        if b"\\u0000" in raw and _holds_nul(value):  # PostgreSQL can't store it
            raise Refusal(HTTPStatus.BAD_REQUEST, "the body: a NUL character; leave it out")
        return value


class PolicyParser(BaseParser):
    """A policy file as `manage.py apply` reads it; gives a `Written`, which knows the lines."""

    media_type = "application/yaml"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,  # noqa: ARG002 - the framework's signature
        parser_context: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> Any:
        """The value and its lines."""
        written = read_yaml(read_all(stream, MAX_BYTES))
        if isinstance(written, Problem):
            raise refused_body([written])
        return written


class PolicyJsonParser(PolicyParser):
    """JSON is YAML, and has lines too."""

    media_type = "application/json"


def read_all(stream: IO[Any], largest: int) -> bytes:
    """Raises 413 for more than that."""
    raw = bytes(stream.read(largest + 1))
    if len(raw) > largest:
        raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body has more than {largest} bytes")
    return raw


def _holds_nul(value: JsonValue) -> bool:
    if isinstance(value, str):
        return NUL in value
    if isinstance(value, dict):
        return any(map(_holds_nul, (*value, *value.values())))
    return isinstance(value, list) and any(map(_holds_nul, value))
