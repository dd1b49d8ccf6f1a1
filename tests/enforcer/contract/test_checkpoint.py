"""A proof holds for what was signed, and for nothing that differs from it by a byte."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enforcer.contract.checkpoint import (
    Checkpoint,
    ProofError,
    Stretch,
    proof,
    raw,
    root_over,
    shown,
    verify_proof,
)
from enforcer.contract.documents import SCHEMA, signed
from enforcer.contract.envelope import PayloadType
from enforcer.contract.keys import SigningKey
from enforcer.contract.receipt import GENESIS_PARENT, open_line, seal_receipt

KEY, STRANGER = SigningKey(b"c" * 32), SigningKey(b"x" * 32)
KEYS = {KEY.public.keyid: KEY.public}


def chain(chain_id: str, length: int) -> list[bytes]:
    lines, last = [], GENESIS_PARENT
    for sequence in range(1, length + 1):
        receipt: Any = {"receipt_id": f"{chain_id}-{sequence}", "receipt_type": "t", "enforcer_id": "gate"}
        line, last = seal_receipt(receipt, chain_id=chain_id, sequence=sequence, parent_hash=last)
        lines.append(line)
    return lines


LINES = [*chain("a", 5)[2:], *chain("b", 4)]  # the first two of `a` are in an earlier one
HASHES = [open_line(line)[0].receipt_hash for line in LINES]


def checkpoint(key: SigningKey = KEY, **changes: Any) -> str:
    stretches = (
        Stretch(enforcer_id="gate", chain_id="a", first=3, last=5, receipt_hash=HASHES[2]),
        Stretch(enforcer_id="gate", chain_id="b", first=1, last=4, receipt_hash=HASHES[-1]),
    )
    fields: dict[str, Any] = {"size": len(LINES), "root": root_over(HASHES), "stretches": stretches, **changes}
    made = Checkpoint(schema=SCHEMA, generation=1, issued_at="t", number=2, previous=GENESIS_PARENT, **fields)
    return signed(made, PayloadType.CHECKPOINT, key).decode()


def a_proof(index: int = 4, envelope: str | None = None) -> dict[str, Any]:
    made: dict[str, Any] = proof(LINES[index], envelope or checkpoint(), HASHES, index)
    return made


@pytest.mark.parametrize("index", range(len(LINES)))
def test_each_receipt_of_a_checkpoint_has_a_proof(index: int) -> None:
    proven = verify_proof(json.dumps(a_proof(index)).encode(), KEYS)
    assert proven.link == open_line(LINES[index])[0]
    assert proven.checkpoint.number == 2


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"receipt": LINES[3].decode()}, "does not lead to the root"),
        ({"receipt": chain("a", 2)[1].decode()}, "does not cover a/2"),
        ({"receipt": LINES[4].decode().replace("gate", "gate2")}, "its hash is not that of its content"),
        ({"checkpoint": json.loads(checkpoint(STRANGER))}, "no signature of a trusted key"),
        ({"checkpoint": json.loads(checkpoint(size=6))}, "does not lead to the root"),
        ({"checkpoint": None}, "the checkpoint"),
        ({"path": []}, "does not lead to the root"),
        ({"path": ["sha256:short"]}, "does not lead to the root"),
        ({"path": None}, "path are its fields"),
        ({"more": 1}, "path are its fields"),
    ],
)
def test_what_differs_is_refused_by_name(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ProofError, match=says):
        verify_proof(json.dumps({**a_proof(), **changes}).encode(), KEYS)


@given(st.data())
def test_no_other_byte_is_proven(data: st.DataObject) -> None:
    text = bytearray(json.dumps(a_proof(), separators=(",", ":")).encode())
    at = data.draw(st.integers(0, len(text) - 1))
    text[at] = data.draw(st.integers(0, 255).filter(lambda byte: byte != text[at]))
    try:
        proven = verify_proof(bytes(text), KEYS)
    except ProofError:
        return
    assert proven.link == open_line(LINES[4])[0]  # white space, say, or a key's letter case that says the same


def test_a_hash_is_text_in_one_way() -> None:
    assert shown(raw(HASHES[0])) == HASHES[0]
    for wrong in ("", "sha256:", HASHES[0].upper(), HASHES[0] + "\n", HASHES[0][:-1]):
        with pytest.raises(ValueError, match="not a hash"):
            raw(wrong)
