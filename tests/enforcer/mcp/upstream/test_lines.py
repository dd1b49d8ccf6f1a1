from hypothesis import given
from hypothesis import strategies as st

from enforcer.mcp.upstream.lines import LineSplitter

lines = st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"\r")), max_size=8)


def split(data: bytes, size: int, limit: int) -> list[bytes | None]:
    splitter = LineSplitter()
    chunks = [data[n : n + size] for n in range(0, len(data), size)]
    return [line for chunk in chunks for line in splitter.feed(chunk, limit)]


@given(lines, st.integers(1, 40))
def test_only_lf_ends_a_line_wherever_the_chunks_end(expected: list[bytes], size: int) -> None:
    assert split(b"".join(line + b"\n" for line in expected), size, limit=30) == expected


@given(lines, st.integers(1, 40))
def test_a_line_over_the_limit_is_reported_once_and_the_next_one_is_whole(expected: list[bytes], size: int) -> None:
    found = split(b"".join(line + b"\n" for line in expected), size, limit=10)
    assert found == [line if len(line) <= 10 else None for line in expected]


def test_a_line_without_end_is_reported_and_not_kept() -> None:
    splitter = LineSplitter()
    assert list(splitter.feed(b"x" * 100, 10)) == [None]
    assert list(splitter.feed(b"x" * 100, 10)) == []
    assert list(splitter.feed(b"x\nnext\n", 10)) == [b"next"]
