"""`Mcp-Param-*` must be the arguments that the tool's schema names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enforcer.contract.strict_json import JsonObject
from enforcer.mcp.admission import Admitted
from enforcer.mcp.param_headers import HeaderParam, check_param_headers, header_params, param_headers
from tests.enforcer.mcp.cases import Headers, a_session, call, legacy, passed, some_sessions

SCHEMA: JsonObject = {
    "type": "object",
    "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "count": {"type": "integer", "x-mcp-header": "Count"},
        "dry": {"type": "boolean", "x-mcp-header": "Dry"},
        "deep": {"type": "object", "properties": {"tenant": {"type": "string", "x-mcp-header": "Tenant"}}},
        "plain": {"type": "string"},
    },
}


def agrees(arguments: JsonObject, headers: Headers) -> bool:
    declared = header_params(SCHEMA)
    assert declared is not None
    request = call("echo", arguments, headers)
    return check_param_headers(declared, passed(request), request) is None


AGREE: list[tuple[JsonObject, Headers]] = [
    ({}, {}),
    ({"plain": "x"}, {"mcp-param-other": "y"}),
    ({"region": None}, {}),
    ({"region": "eu"}, {"mcp-param-region": "  eu "}),
    ({"region": "ü"}, {"mcp-param-region": "=?base64?w7w=?="}),
    ({"region": ""}, {"mcp-param-region": ""}),
    ({"count": 42}, {"mcp-param-count": "42.0"}),
    ({"count": 42.0}, {"mcp-param-count": "42"}),
    ({"count": -1}, {"mcp-param-count": "-1"}),
    ({"dry": True}, {"mcp-param-dry": "true"}),
    ({"deep": {"tenant": "a"}}, {"mcp-param-tenant": "a"}),
    ({"region": {"no": "text"}}, {}),  # the schema refuses it later
]
DIFFER: list[tuple[JsonObject, Headers]] = [
    ({}, {"mcp-param-region": "eu"}),
    ({"region": None}, {"mcp-param-region": "eu"}),
    ({"region": "eu"}, {}),
    ({"region": "eu"}, {"mcp-param-region": "us"}),
    ({"region": "eu"}, {"mcp-param-region": "EU"}),
    ({"region": "eu"}, {"mcp-param-region": ["eu", "eu"]}),
    ({"region": "eu"}, {"mcp-param-region": "=?base64?ZXU?="}),
    ({"region": ["eu"]}, {"mcp-param-region": "eu"}),
    ({"count": 42}, {"mcp-param-count": "42.5"}),
    ({"count": 42}, {"mcp-param-count": "4.2e1"}),
    ({"count": 42}, {"mcp-param-count": " "}),
    ({"dry": True}, {"mcp-param-dry": "True"}),
    ({"dry": True}, {"mcp-param-dry": "1"}),
    ({"deep": {"tenant": "a"}}, {"mcp-param-tenant": "b"}),
]


@pytest.mark.parametrize(("arguments", "headers"), AGREE, ids=str)
def test_headers_that_repeat_the_arguments_pass(arguments: JsonObject, headers: Headers) -> None:
    assert agrees(arguments, headers)


@pytest.mark.parametrize(("arguments", "headers"), DIFFER, ids=str)
def test_headers_that_say_something_else_are_refused(arguments: JsonObject, headers: Headers) -> None:
    assert not agrees(arguments, headers)


def test_in_the_handshake_era_they_mean_nothing() -> None:
    sessions = some_sessions()
    request = legacy(a_session(sessions), "tools/call", {"name": "echo"}, {"mcp-param-region": "eu"})
    assert check_param_headers(header_params(SCHEMA), passed(request, sessions), request) is None


def test_a_tool_whose_declaration_is_invalid_can_not_be_called() -> None:
    request = call()
    refusal = check_param_headers(None, passed(request), request)
    assert refusal is not None
    assert refusal.fit == (400, -32020)


INVALID: list[JsonObject] = [
    {"x-mcp-header": "Root"},
    {"properties": {"a": {"type": "number", "x-mcp-header": "A"}}},
    {"properties": {"a": {"type": "object", "x-mcp-header": "A"}}},
    {"properties": {"a": {"x-mcp-header": "A"}}},
    {"properties": {"a": {"type": ["string", "null"], "x-mcp-header": "A"}}},
    {"properties": {"a": {"type": "string", "x-mcp-header": ""}}},
    {"properties": {"a": {"type": "string", "x-mcp-header": 1}}},
    {"properties": {"a": {"type": "string", "x-mcp-header": "A B"}}},
    {"properties": {"a": {"type": "string", "x-mcp-header": "A\r\nEvil: 1"}}},
    {"properties": {"a": {"type": "string", "x-mcp-header": "A"}, "b": {"type": "string", "x-mcp-header": "a"}}},
    {"properties": {"a": {"type": "array", "items": {"type": "string", "x-mcp-header": "A"}}}},
    {"anyOf": [{"properties": {"a": {"type": "string", "x-mcp-header": "A"}}}]},
    {"$defs": {"d": {"type": "string", "x-mcp-header": "A"}}},
    {"patternProperties": {"default": {"type": "string", "x-mcp-header": "A"}}},
]


@pytest.mark.parametrize("schema", INVALID, ids=str)
def test_a_declaration_that_clients_must_refuse_is_invalid(schema: JsonObject) -> None:
    assert header_params(schema) is None


def test_the_annotations_name_in_data_and_as_a_property_is_no_declaration() -> None:
    schema: JsonObject = {
        "properties": {
            "x-mcp-header": {"type": "string"},
            "default": {"type": "string", "x-mcp-header": "A", "default": {"x-mcp-header": 1}},
        }
    }
    assert header_params(schema) == (HeaderParam(("default",), "A", "string"),)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "region": st.text(max_size=20),
            "count": st.integers(-(2**53) + 1, 2**53 - 1),
            "dry": st.booleans(),
            "deep": st.fixed_dictionaries({"tenant": st.text(max_size=20)}),
        },
    )
)
def test_what_is_written_for_an_upstream_passes_its_own_check(arguments: JsonObject) -> None:
    declared = header_params(SCHEMA)
    assert declared is not None
    written = {name.lower(): value for name, value in param_headers(declared, arguments)}
    request = call("echo", arguments, written)
    found = passed(request)
    assert isinstance(found, Admitted)
    assert check_param_headers(declared, found, request) is None
    assert all(value.isascii() and (value.isprintable() or value == "") for value in written.values())
