import pytest
from hypothesis import given
from hypothesis import strategies as st

from enforcer.contract.strict_json import JsonObject, parse
from enforcer.mcp.upstream.shape import Kind, encode, kind_of, read


def test_text_from_all_over_the_world_is_sent_in_ascii_on_one_line() -> None:
    message: JsonObject = {"a": "\u2028\u0085\n\r é \U0001f600"}
    raw = encode(message)
    assert raw.isascii()
    assert not {10, 13} & set(raw)
    assert parse(raw) == message


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ({"jsonrpc": "2.0", "id": 1, "method": "ping"}, "request"),
        ({"jsonrpc": "2.0", "id": "a", "method": "roots/list", "params": {}}, "request"),
        ({"jsonrpc": "2.0", "method": "notifications/message"}, "notification"),
        ({"jsonrpc": "2.0", "id": "a", "result": {}}, "response"),
        ({"jsonrpc": "2.0", "id": "a", "error": {"code": -1, "message": "no"}}, "error"),
        ({"jsonrpc": "2.0", "id": None, "error": {"code": -1, "message": "no"}}, "error"),
        ({"jsonrpc": "2.0", "error": {"code": -1, "message": "no"}}, "error"),
        ({"id": 1, "method": "ping"}, None),
        ({"jsonrpc": 2.0, "id": 1, "method": "ping"}, None),
        ({"jsonrpc": "2.0", "id": 1}, None),
        ({"jsonrpc": "2.0", "id": 1, "method": "ping", "result": {}}, None),
        ({"jsonrpc": "2.0", "id": 1, "result": {}, "error": {"code": 1, "message": ""}}, None),
        ({"jsonrpc": "2.0", "id": None, "method": "ping"}, None),
        ({"jsonrpc": "2.0", "id": True, "method": "ping"}, None),
        ({"jsonrpc": "2.0", "id": 1.5, "method": "ping"}, None),
        ({"jsonrpc": "2.0", "id": 1, "method": 7}, None),
        ({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []}, None),
        ({"jsonrpc": "2.0", "result": {}}, None),
        ({"jsonrpc": "2.0", "id": "a", "result": "text"}, None),
        ({"jsonrpc": "2.0", "id": "a", "error": "text"}, None),
        ({"jsonrpc": "2.0", "id": "a", "error": {"code": "1", "message": "no"}}, None),
        ({"jsonrpc": "2.0", "id": "a", "error": {"code": True, "message": "no"}}, None),
    ],
)
def test_a_message_has_one_shape_or_none(message: JsonObject, kind: Kind | None) -> None:
    assert kind_of(message) == kind


@pytest.mark.parametrize("raw", [b"[]", b"1", b"", b'{"jsonrpc":"2.0","jsonrpc":"2.0","id":1,"result":{}}', b"\xff"])
def test_what_is_no_message_is_named_without_quoting_it(raw: bytes) -> None:
    assert isinstance(read(raw), str)


@given(st.binary(max_size=100))
def test_no_bytes_break_the_reader(raw: bytes) -> None:
    read(raw)
