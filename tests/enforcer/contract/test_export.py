from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enforcer.contract.export import verify_export
from enforcer.contract.keys import SigningKey
from enforcer.contract.receipt import GENESIS_PARENT, chain_head, open_line, seal_receipt

KEY = SigningKey(b"c" * 32)
STRANGER = SigningKey(b"x" * 32)
KEYS = {KEY.public.keyid: KEY.public}


def a_chain(chain_id: str, length: int, parent: str = GENESIS_PARENT, previous: str | None = None) -> list[bytes]:
    lines: list[bytes] = []
    last = parent
    for sequence in range(1, length + 1):
        receipt = {"receipt_id": f"{chain_id}-{sequence}", "receipt_type": "t", "enforcer_id": "probe"}
        genesis = {"genesis": {"previous_chain_id": previous}} if previous and sequence == 1 else {}
        line, last = seal_receipt({**receipt, **genesis}, chain_id=chain_id, sequence=sequence, parent_hash=last)
        lines.append(line)
    return [*lines, chain_head("probe", chain_id, length, last, KEY)]


def head_hash(lines: list[bytes]) -> str:
    return lines[-1].split(b'"receipt_hash":"')[1].split(b'"')[0].decode()


ONE = a_chain("a", 4)
TWO = a_chain("b", 3, head_hash(ONE), "a")
WHOLE = ONE + TWO


def test_a_whole_export_has_no_problem() -> None:
    report = verify_export(WHOLE, KEYS)
    assert (report.receipts, report.chains, report.problems) == (7, 2, [])


def test_an_empty_export_is_whole() -> None:
    assert verify_export([], KEYS).problems == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda x: x[:1] + x[2:], "sequence 3 follows 1"),
        (lambda x: x[1:], "starts at sequence 2"),
        (lambda x: [x[0], x[2], x[1], *x[3:]], "sequence 3 follows 1"),
        (lambda x: [x[0], x[0], *x[1:]], "stands twice"),
        (lambda x: x[:-1], "ends without a signed head"),
        (lambda x: x[:-2], "ends without a signed head"),
        (lambda x: x[:4] + x[5:], "left without a signed head"),
        (lambda x: [*x[:4], chain_head("probe", "a", 4, "sha256:0", KEY), *x[5:]], "not that of the receipt"),
        (lambda x: [*x[:4], chain_head("probe", "a", 4, head_hash(ONE), STRANGER), *x[5:]], "no signature"),
        (lambda x: [*x[:4], chain_head("other", "a", 4, head_hash(ONE), KEY), *x[5:]], "names enforcer"),
        (lambda x: x[:5] + a_chain("b", 3, "sha256:" + "1" * 64, "a"), "does not name the head of chain a"),
        (lambda x: x[:5] + a_chain("b", 3, "sha256:" + "1" * 64), "names a parent but no previous chain"),
        (lambda x: [*x, b"{"], "not a receipt"),
        (lambda x: [*x, b'{"receipt_type":"csp.tool_safety.chain_head.v1"'], "not a chain head"),
    ],
)
def test_every_kind_of_tampering_is_found(change: Callable[[list[bytes]], list[bytes]], said: str) -> None:
    problems = verify_export(change(list(WHOLE)), KEYS).problems
    assert any(said in problem for problem in problems), problems


def head(lines: list[bytes], at: int, first: int | None) -> bytes:
    """Of the receipt that stands there."""
    link, _ = open_line(lines[at])
    return chain_head("probe", link.chain_id, link.sequence, link.receipt_hash, KEY, first=first)


def test_a_part_verifies_where_its_heads_say_where_each_stretch_begins() -> None:
    lines = [*ONE[1:3], head(ONE, 2, 2), *TWO[:2], head(TWO, 1, 1)]
    report = verify_export(lines, KEYS)
    assert (report.receipts, report.parts, report.problems) == (4, 2, [])


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([ONE[1], ONE[2], head(ONE, 2, None)], "starts at sequence 2"),
        ([ONE[2], head(ONE, 2, 2)], "a stretch from 2, which begins at 3"),
        ([ONE[1], ONE[3], head(ONE, 3, 2)], "sequence 4 follows 2"),
        ([ONE[2], head(ONE, 2, 3), ONE[1], head(ONE, 1, 2)], "sequence 2 follows 3"),
        ([*ONE[:3], head(ONE, 2, None), *TWO[:2], head(TWO, 1, None)], "does not name the head of chain a"),
        ([ONE[1]], "starts at sequence 2"),
        ([ONE[1], TWO[0], head(TWO, 0, 1)], "starts at sequence 2"),
        ([ONE[1], head(ONE, 1, 2).replace(b'"first":2', b'"first":1')], "no signature"),
        ([ONE[1], head(ONE, 1, 2).replace(b'"first":2,', b"")], "no signature"),
    ],
)
def test_a_head_excuses_the_gap_before_its_stretch_and_nothing_else(lines: list[bytes], said: str) -> None:
    problems = verify_export(lines, KEYS).problems
    assert any(said in problem for problem in problems), problems


def test_a_long_stretch_without_a_head_is_a_problem() -> None:
    assert any("more than 1000" in p for p in verify_export(a_chain("a", 1001), KEYS).problems)


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 10_000), st.integers(1, 255))
def test_any_changed_byte_is_found(line: int, where: int, flip: int) -> None:
    changed = [bytearray(x) for x in WHOLE]
    changed[line][where % len(changed[line])] ^= flip
    assert verify_export([bytes(x) for x in changed], KEYS).problems
