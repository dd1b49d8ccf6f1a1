"""One strictly parsed message of one shape, or none."""

import pytest

from enforcer.mcp.faults import Fault, Refusal
from enforcer.mcp.messages import Message, read_message

NOT_JSON = [
    b"",
    b"nonsense",
    b'{"jsonrpc":"2.0","id":1,"method":"ping"}{}',
    b'{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call"}',
    b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"safe","name":"delete_all"}}',
    b'{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":NaN}}',
    b'{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":1e400}}',
    b'{"jsonrpc":"2.0","id":9007199254740993,"method":"x"}',
    b'{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":"\\ud800"}}',
    b'\xef\xbb\xbf{"jsonrpc":"2.0","id":1,"method":"ping"}',
    '{"jsonrpc":"2.0","id":1,"method":"ping"}'.encode("utf-16"),
    b'{"jsonrpc":"2.0","id":1,"method":"\xff"}',
]
NOT_A_MESSAGE = [
    b"[]",
    b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]',
    b"null",
    b'"ping"',
    b"{}",
    b'{"id":1,"method":"ping"}',
    b'{"jsonrpc":2.0,"id":1,"method":"ping"}',
    b'{"jsonrpc":"2.0","id":null,"method":"ping"}',
    b'{"jsonrpc":"2.0","id":true,"method":"ping"}',
    b'{"jsonrpc":"2.0","id":1.0,"method":"ping"}',
    b'{"jsonrpc":"2.0","id":[],"method":"ping"}',
    b'{"jsonrpc":"2.0","id":"' + b"i" * 300 + b'","method":"ping"}',
    b'{"jsonrpc":"2.0","id":1,"method":7}',
    b'{"jsonrpc":"2.0","id":1,"method":""}',
    b'{"jsonrpc":"2.0","id":1,"Method":"ping"}',
    b'{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}',
    b'{"jsonrpc":"2.0","id":1,"method":"ping","params":null}',
    b'{"jsonrpc":"2.0","id":1,"method":"tools/call","result":{}}',
    b'{"jsonrpc":"2.0","id":1,"result":{}}',
    b'{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":""}}',
]


def fault(body: bytes) -> Fault:
    found = read_message(body, max_bytes=1000)
    assert isinstance(found, Refusal), found
    return found.fault


@pytest.mark.parametrize("body", NOT_JSON, ids=repr)
def test_text_that_is_not_json_or_reads_in_two_ways_is_refused(body: bytes) -> None:
    assert fault(body) is Fault.NOT_JSON


@pytest.mark.parametrize("body", NOT_A_MESSAGE, ids=repr)
def test_json_that_is_not_one_request_or_notification_is_refused(body: bytes) -> None:
    assert fault(body) is Fault.NOT_A_MESSAGE


def test_a_body_over_the_limit_is_refused_and_one_at_the_limit_is_not() -> None:
    head, tail = b'{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":"', b'"}}'
    body = head + b"a" * (1000 - len(head) - len(tail)) + tail
    assert isinstance(read_message(body, max_bytes=1000), Message)
    assert fault(body + b" ") is Fault.TOO_LARGE


def test_a_body_that_is_too_deep_is_refused() -> None:
    body = b'{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":' + b"[" * 70 + b"]" * 70 + b"}}"
    assert fault(body) is Fault.TOO_DEEP


def test_escapes_are_decoded_before_anybody_compares() -> None:
    found = read_message(
        b'{"jsonrpc":"2.0","id":1,"method":"tools\\u002fcall","params":{"name":"d\\u0065lete"}}', max_bytes=1000
    )
    assert found == Message("tools/call", 1, {"name": "delete"})


def test_a_refusal_names_the_id_where_there_is_one() -> None:
    found = read_message(b'{"jsonrpc":"2.0","id":"a","method":7}', max_bytes=1000)
    assert isinstance(found, Refusal)
    assert found.id == "a"


def test_one_and_the_text_one_are_two_ids() -> None:
    number = read_message(b'{"jsonrpc":"2.0","id":1,"method":"x"}', max_bytes=1000)
    text = read_message(b'{"jsonrpc":"2.0","id":"1","method":"x"}', max_bytes=1000)
    assert number != text
