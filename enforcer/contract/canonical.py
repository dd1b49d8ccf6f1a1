"""Canonical JSON bytes (RFC 8785) and the hashes made of them."""

import hashlib

import rfc8785

from enforcer.contract.strict_json import JsonValue


def canonical(value: JsonValue) -> bytes:
    """RFC 8785 bytes; raises `ValueError` for what it can't express (integers beyond 2^53-1)."""
    return rfc8785.dumps(value)


def sha256(data: bytes) -> str:
    """`sha256:` and 64 hexadecimal digits."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def hash_of(value: JsonValue) -> str:
    """`sha256` of the canonical bytes."""
    return sha256(canonical(value))
