"""Receipts and chains (CONTRACTS section 4): one call, one receipt, one link, one exported line.

A receipt is hashed as RFC 8785 bytes without `receipt_hash`; its line is the RFC 8785 bytes with it. An absent value is
an absent key, never null.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from enforcer.contract import strict_json
from enforcer.contract.canonical import canonical, sha256
from enforcer.contract.keys import PublicKey, SigningKey
from enforcer.contract.strict_json import JsonObject, JsonValue

GENESIS_PARENT = "sha256:" + "0" * 64
CSP_PROFILE = "tool_safety"
CSP_VERSION = "1.0.0-rc1"


class ReceiptType(StrEnum):
    """What the receipt is about."""

    ACTION = "csp.tool_safety.action.v1"
    REFUSAL = "csp.tool_safety.refusal.v1"
    ACCESS = "csp.mcp.access.v1"
    EMERGENCY_OVERRIDE = "csp.tool_safety.emergency_override.v1"
    ADMIN = "csp.drawbridge.admin.v1"
    GAP = "csp.drawbridge.gap.v1"
    DEFINITION = "csp.drawbridge.definition.v1"
    CHAIN_HEAD = "csp.tool_safety.chain_head.v1"


class ReceiptError(ValueError):
    """The line is not a whole, unchanged receipt; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Link:
    """What a chain needs to know of a receipt."""

    receipt_id: str
    receipt_type: str
    enforcer_id: str
    chain_id: str
    sequence: int
    parent_hash: str
    receipt_hash: str


def without_nulls(value: JsonObject) -> JsonObject:
    """Drop keys whose value is null, at every level of objects."""
    made: JsonObject = {}
    for key, item in value.items():
        if isinstance(item, dict):
            made[key] = without_nulls(item)
        elif item is not None:
            made[key] = item
    return made


def seal_receipt(receipt: JsonObject, *, chain_id: str, sequence: int, parent_hash: str) -> tuple[bytes, str]:
    """Give a finished receipt its place; returns (line without newline, receipt hash)."""
    placed: JsonObject = {**receipt, "chain_id": chain_id, "sequence": sequence, "parent_hash": parent_hash}
    placed.pop("receipt_hash", None)
    body = canonical(placed)
    made = sha256(body)
    follows = b'"receipt_id":' + canonical(placed.get("receipt_id"))
    if body.count(follows) == 1:  # its key is the next in canonical order: no need to write everything twice
        return body.replace(follows, _hash_member(made) + follows), made
    placed["receipt_hash"] = made
    return canonical(placed), made


def open_line(line: bytes) -> tuple[Link, JsonObject]:
    """Check one exported line by its bytes; returns its link and the receipt. Raises `ReceiptError`."""
    try:
        receipt = strict_json.parse_object(line)
        exact = canonical(receipt) == line
    except ValueError as problem:
        raise ReceiptError(f"not a receipt: {problem}") from None
    if not exact:
        raise ReceiptError("not in canonical form (RFC 8785)")
    link = _link(receipt)
    if sha256(_without_hash(line, receipt, link.receipt_hash)) != link.receipt_hash:
        raise ReceiptError("its hash is not that of its content")
    return link, receipt


def _without_hash(line: bytes, receipt: JsonObject, receipt_hash: str) -> bytes:
    """The bytes that were hashed, out of a canonical line: without the one member, where only one looks like it."""
    member = _hash_member(receipt_hash)
    if line.count(member) == 1:  # a string that tells of it has its quotes escaped
        return line.replace(member, b"")
    return canonical({key: value for key, value in receipt.items() if key != "receipt_hash"})


def _hash_member(receipt_hash: str) -> bytes:
    return b'"receipt_hash":%s,' % canonical(receipt_hash)


def _link(receipt: JsonObject) -> Link:
    sequence = receipt.get("sequence")
    if not isinstance(sequence, int) or isinstance(sequence, bool) or sequence < 1:
        raise ReceiptError("sequence is not a positive integer")
    names = ("receipt_id", "receipt_type", "enforcer_id", "chain_id", "parent_hash", "receipt_hash")
    text = {name: value for name in names if isinstance(value := receipt.get(name), str) and value}
    missing = [name for name in names if name not in text]
    if missing:
        raise ReceiptError(f"{missing[0]} is missing")
    return Link(sequence=sequence, **text)


def chain_head(
    enforcer_id: str, chain_id: str, sequence: int, receipt_hash: str, key: SigningKey, *, first: int | None = None
) -> bytes:
    """The signed line that ends a stretch of a chain in an export.

    `first` is where the stretch begins, in the export of a part: whoever asked left out what is before it.
    """
    head: JsonObject = {
        **({} if first is None else {"first": first}),
        "receipt_type": ReceiptType.CHAIN_HEAD,
        "enforcer_id": enforcer_id,
        "chain_id": chain_id,
        "sequence": sequence,
        "receipt_hash": receipt_hash,
    }
    signature: JsonValue = {"keyid": key.public.keyid, "sig": base64.b64encode(key.sign(canonical(head))).decode()}
    return canonical({**head, "signature": signature})


def chain_head_holds(head: JsonObject, keys: Mapping[str, PublicKey]) -> bool:
    """Whether a chain head carries the signature of one of `keys` (by key id)."""
    body = {key: value for key, value in head.items() if key != "signature"}
    signature = head.get("signature")
    if not isinstance(signature, dict):
        return False
    keyid, sig = signature.get("keyid"), signature.get("sig")
    if not isinstance(keyid, str) or not isinstance(sig, str) or keyid not in keys:
        return False
    try:
        return keys[keyid].verifies(base64.b64decode(sig, validate=True), canonical(body))
    except ValueError:
        return False
