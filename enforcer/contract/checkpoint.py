"""Checkpoints: what the control plane held at a time, signed, each naming the one before (docs/decisions/0027).

One covers the receipts that joined the whole part of their chains since the one before, as the leaves of a Merkle tree.
Whoever kept one can show later that a receipt was there then, and sees a history that was written anew.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from enforcer.contract import merkle, strict_json
from enforcer.contract.canonical import canonical, sha256
from enforcer.contract.documents import Document, DocumentError, Part, read
from enforcer.contract.envelope import EnvelopeError, PayloadType, unseal
from enforcer.contract.keys import PublicKey
from enforcer.contract.receipt import Link, ReceiptError, open_line
from enforcer.contract.strict_json import JsonObject, JsonValue

MAX_RECEIPTS = 8192  # a proof reads all of them
_HASH = re.compile("sha256:[0-9a-f]{64}")


class Stretch(Part, frozen=True, kw_only=True):
    """Receipts of one chain, both ends included; the hash is that of the last one."""

    enforcer_id: str
    chain_id: str
    first: int
    last: int
    receipt_hash: str


class Checkpoint(Document, frozen=True, kw_only=True):
    """`number` counts from 1; `previous` is `payload_hash` of the one before, `GENESIS_PARENT` before the first."""

    number: int
    previous: str
    size: int
    root: str
    stretches: tuple[Stretch, ...]

    def index_of(self, chain_id: str, sequence: int) -> int | None:
        """Which leaf a receipt is, from 0: stretches in their order, each from its first on."""
        before = 0
        for stretch in self.stretches:
            if stretch.chain_id == chain_id and stretch.first <= sequence <= stretch.last:
                return before + sequence - stretch.first
            before += stretch.last - stretch.first + 1
        return None


class ProofError(ValueError):
    """The proof does not hold; the message says where."""


@dataclass(frozen=True, slots=True)
class Proven:
    """A receipt that was there when the checkpoint was signed."""

    link: Link
    checkpoint: Checkpoint


def leaf_of(receipt_hash: str) -> bytes:
    """The leaf of a receipt; raises `ValueError` for anything but `sha256:` and 64 hexadecimal digits."""
    return merkle.leaf(raw(receipt_hash))


def raw(text: str) -> bytes:
    """The 32 bytes of a hash as text; raises `ValueError`."""
    if not _HASH.fullmatch(text):
        raise ValueError("not a hash like sha256:… with 64 hexadecimal digits")
    return bytes.fromhex(text.removeprefix("sha256:"))


def shown(hash_bytes: bytes) -> str:
    """`sha256:…`"""
    return f"sha256:{hash_bytes.hex()}"


def root_over(receipt_hashes: Sequence[str]) -> str:
    """Of the tree whose leaves are these receipts."""
    return shown(merkle.root([leaf_of(receipt_hash) for receipt_hash in receipt_hashes]))


def open_checkpoint(envelope: bytes, keys: Mapping[str, PublicKey]) -> tuple[Checkpoint, str]:
    """One signed by a checkpoint key, and its hash; raises `ProofError`."""
    try:
        payload = unseal(envelope, PayloadType.CHECKPOINT, keys)
        return read(payload, Checkpoint), sha256(payload)
    except (EnvelopeError, DocumentError) as problem:
        raise ProofError(f"the checkpoint: {problem}") from None


def proof(line: bytes, envelope: str, receipt_hashes: Sequence[str], index: int) -> JsonObject:
    """What `verify_proof` reads: a receipt's line, a checkpoint, and the way from the one to the root of the other."""
    way = merkle.path([leaf_of(receipt_hash) for receipt_hash in receipt_hashes], index)
    beside: list[JsonValue] = [shown(step) for step in way]
    return {"receipt": line.decode(), "checkpoint": strict_json.parse_object(envelope.encode()), "path": beside}


def verify_proof(text: bytes, keys: Mapping[str, PublicKey]) -> Proven:
    """Recompute everything from bytes against checkpoint keys by key id; raises `ProofError`."""
    try:
        given = strict_json.parse_object(text)
    except strict_json.StrictJsonError as problem:
        raise ProofError(f"not a proof: {problem}") from None
    line, envelope, way = (given.get(name) for name in ("receipt", "checkpoint", "path"))
    if given.keys() != {"receipt", "checkpoint", "path"} or not isinstance(line, str) or not isinstance(way, list):
        raise ProofError("not a proof: receipt, checkpoint and path are its fields")
    checkpoint, _ = open_checkpoint(canonical(envelope), keys)
    try:
        link, _ = open_line(line.encode())
    except ReceiptError as problem:
        raise ProofError(f"the receipt: {problem}") from None
    index = checkpoint.index_of(link.chain_id, link.sequence)
    if index is None:
        raise ProofError(f"checkpoint {checkpoint.number} does not cover {link.chain_id}/{link.sequence}")
    if _root(link, index, checkpoint.size, way) != checkpoint.root:
        raise ProofError(f"the path does not lead to the root of checkpoint {checkpoint.number}")
    return Proven(link, checkpoint)


def _root(link: Link, index: int, size: int, way: Sequence[Any]) -> str | None:
    try:
        found = merkle.root_of_path(leaf_of(link.receipt_hash), index, size, [raw(str(step)) for step in way])
    except ValueError:
        return None
    return None if found is None else shown(found)


def read_unsigned(envelope: bytes) -> tuple[Checkpoint, str]:
    """One whose signature nobody can tell any more, and its hash, by which another names it; raises `ProofError`."""
    try:
        payload = base64.b64decode(str(strict_json.parse_object(envelope).get("payload")), validate=True)
        return read(payload, Checkpoint), sha256(payload)
    except ValueError as problem:  # no JSON, no base64, or no checkpoint
        raise ProofError(f"the checkpoint: {problem}") from None
