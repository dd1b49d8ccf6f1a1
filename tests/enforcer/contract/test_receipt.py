import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enforcer.contract.canonical import canonical, sha256
from enforcer.contract.keys import SigningKey
from enforcer.contract.receipt import (
    GENESIS_PARENT,
    ReceiptError,
    chain_head,
    chain_head_holds,
    open_line,
    seal_receipt,
    without_nulls,
)
from enforcer.contract.strict_json import JsonObject, parse_object
from tests.vectors import make

LINE = make.first_receipt()[0]


@given(st.integers(0, len(LINE) - 1), st.integers(1, 255))
def test_any_changed_byte_of_a_line_is_found(where: int, flip: int) -> None:
    raw = bytearray(LINE)
    raw[where] ^= flip
    with pytest.raises(ReceiptError):
        open_line(bytes(raw))


def test_a_line_in_another_key_order_is_refused() -> None:
    reordered = json.dumps(dict(reversed(json.loads(LINE).items())), separators=(",", ":"), ensure_ascii=False).encode()
    with pytest.raises(ReceiptError, match="canonical"):
        open_line(reordered)


def test_the_hash_covers_the_place_in_the_chain() -> None:
    one = seal_receipt({"receipt_id": "r"}, chain_id="c", sequence=1, parent_hash=GENESIS_PARENT)[1]
    two = seal_receipt({"receipt_id": "r"}, chain_id="c", sequence=2, parent_hash=GENESIS_PARENT)[1]
    assert one != two


def test_a_chain_head_of_another_key_or_another_number_does_not_hold() -> None:
    key = SigningKey(b"c" * 32)
    head = parse_object(chain_head("probe", "c", 5, "sha256:x", key))
    trusted = {key.public.keyid: key.public}
    assert chain_head_holds(head, trusted)
    assert not chain_head_holds({**head, "sequence": 6}, trusted)
    assert not chain_head_holds(head, {})
    assert not chain_head_holds({**head, "signature": {"keyid": key.public.keyid, "sig": "?"}}, trusted)


def test_an_absent_value_is_an_absent_key() -> None:
    assert without_nulls({"a": None, "b": {"c": None, "d": [None]}}) == {"b": {"d": [None]}}


def test_a_hash_that_stands_in_the_receipt_once_more_is_covered_by_the_hash() -> None:
    """Else somebody hides a member of that shape from the hash: it must be cut out in one place only."""
    fields = "enforcer_id", "chain_id", "receipt_id", "receipt_type"
    receipt: JsonObject = {"parent_hash": GENESIS_PARENT, "sequence": 1, **dict.fromkeys(fields, "x")}
    bare: JsonObject = {**receipt, "extra": {"z": 1}}
    forged = sha256(canonical(bare))
    twice: JsonObject = {**receipt, "receipt_hash": forged, "extra": {"receipt_hash": forged, "z": 1}}
    open_line(canonical({**bare, "receipt_hash": forged}))
    with pytest.raises(ReceiptError, match="its hash is not that of its content"):
        open_line(canonical(twice))
