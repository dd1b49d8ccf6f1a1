"""What is refused before anybody asks who is calling."""

from dataclasses import replace

import pytest

from enforcer.mcp.requests import HttpRequest
from enforcer.mcp.transport import admit_transport
from tests.enforcer.mcp.cases import MODERN, Headers, http


def status(request: HttpRequest) -> int | None:
    """HTTP status of the refusal; None where the request goes on."""
    refusal = admit_transport(
        request, allowed_hosts={"gate", "127.0.0.1:8801", "[::1]"}, allowed_origins={"https://app.example"}
    )
    return refusal.fit.status if refusal else None


GOES_ON: list[Headers] = [
    {},
    {"host": "GATE"},
    {"host": "127.0.0.1:8801"},
    {"host": "[::1]:9"},
    {"host": "[::1]"},
    {"origin": "https://app.example"},
    {"accept": "*/*"},
    {"accept": ["application/json", "text/event-stream;q=0.5"]},
    {"accept": "application/*, text/*"},
    {"content-type": "Application/JSON; charset=UTF-8"},
    {"content-encoding": "identity"},
    {"x-http-method-override": "DELETE"},
]


@pytest.mark.parametrize("headers", GOES_ON, ids=str)
def test_an_honest_request_goes_on(headers: Headers) -> None:
    assert status(http(b"{}", headers)) is None


REFUSED: list[tuple[Headers, int]] = [
    ({"host": None}, 421),
    ({"host": "evil.example"}, 421),
    ({"host": "gate.evil.example"}, 421),
    ({"host": "127.0.0.1:8802"}, 421),
    ({"host": ["gate", "gate"]}, 421),
    ({"origin": "null"}, 403),
    ({"origin": "https://evil.example"}, 403),
    ({"origin": ""}, 403),
    ({"origin": ["https://app.example", "https://app.example"]}, 403),
    ({"accept": None}, 406),
    ({"accept": "application/json"}, 406),
    ({"accept": "text/event-stream"}, 406),
    ({"accept": "application/json, text/event-stream;q=0"}, 406),
    ({"content-type": None}, 415),
    ({"content-type": "text/plain"}, 415),
    ({"content-type": "application/x-www-form-urlencoded"}, 415),
    ({"content-type": "application/json; charset=utf-16"}, 415),
    ({"content-type": ["application/json", "text/plain"]}, 400),
    ({"content-encoding": "gzip"}, 415),
    ({"authorization": ["Bearer a", "Bearer b"]}, 400),
    ({"mcp-session-id": ["a", "b"]}, 400),
    ({"content-length": ["2", "3"]}, 400),
    ({"content-length": "2", "transfer-encoding": "chunked"}, 400),
]


@pytest.mark.parametrize(("headers", "expected"), REFUSED, ids=str)
def test_a_request_that_is_not_ours_or_reads_in_two_ways_is_refused(headers: Headers, expected: int) -> None:
    assert status(http(b"{}", headers)) == expected


def test_a_token_in_the_query_is_refused() -> None:
    assert status(replace(http(b"{}"), query=b"access_token=secret")) == 400


@pytest.mark.parametrize("method", ["HEAD", "PUT", "PATCH", "OPTIONS", "TRACE", "post"])
def test_other_http_methods_are_not_offered_and_the_answer_says_which_are(method: str) -> None:
    refusal = admit_transport(http(method=method), allowed_hosts={"gate"}, allowed_origins=())
    assert refusal is not None
    assert refusal.fit.status == 405
    assert refusal.headers == (("Allow", "POST, GET, DELETE"),)


def test_ending_a_session_is_offered_in_the_handshake_era_alone() -> None:
    assert status(http(method="DELETE", headers={"accept": None, "content-type": None})) is None
    assert status(http(method="DELETE", headers={"mcp-protocol-version": MODERN})) == 405


def test_a_stream_of_a_session_is_offered_in_the_handshake_era_to_who_takes_events() -> None:
    assert status(http(method="GET", headers={"accept": "text/event-stream", "content-type": None})) is None
    assert status(http(method="GET", headers={"accept": "application/json"})) == 406
    assert status(http(method="GET", headers={"mcp-protocol-version": MODERN})) == 405


def test_host_and_origin_are_looked_at_first() -> None:
    assert status(http(method="GET", headers={"host": "evil.example"})) == 421
    assert status(http(method="GET", headers={"origin": "null"})) == 403
