from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from enforcer.mcp.sse import SseEvent, SseParser, encode_event

STREAM = (
    b"\xef\xbb\xbf: hello\n\n"
    b"id: e1\nretry: 250\ndata:\n\n"
    b'event: message\ndata: {"a":\ndata: 1}\n\n'
    b"event:ping\ndata\n\n"
    b"data:  x\n\n"
)
EVENTS = [
    SseEvent(b"", id="e1", retry_ms=250),
    SseEvent(b'{"a":\n1}'),
    SseEvent(b"", kind="ping"),
    SseEvent(b" x"),
]


def parsed(*chunks: bytes) -> list[SseEvent]:
    parser = SseParser()
    return [event for chunk in chunks for event in parser.feed(chunk)]


@given(st.sampled_from([b"\n", b"\r", b"\r\n"]), st.lists(st.integers(0, len(STREAM) * 2)))
def test_line_ends_and_chunk_borders_change_nothing(line_end: bytes, cuts: list[int]) -> None:
    stream = STREAM.replace(b"\n", line_end)
    borders = [0, *sorted(cuts), len(stream)]
    assert parsed(*(stream[a:b] for a, b in pairwise(borders))) == EVENTS


@given(st.binary(max_size=200))
def test_no_bytes_break_the_parser(data: bytes) -> None:
    assert parsed(data) == parsed(*(bytes([byte]) for byte in data))


@given(st.binary(min_size=1).filter(lambda data: not {10, 13} & set(data)))
def test_what_is_written_is_read_back(data: bytes) -> None:
    assert parsed(encode_event(data, event_id="7")) == [SseEvent(data, id="7")]


def test_an_event_that_was_not_ended_is_no_event() -> None:
    assert parsed(b"data: 1\n") == []


def test_an_id_with_nul_and_a_retry_that_is_no_number_are_ignored() -> None:
    assert parsed(b"id: a\0b\nretry: soon\ndata: 1\n\n") == [SseEvent(b"1")]
