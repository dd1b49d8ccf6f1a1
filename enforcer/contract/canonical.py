"""Canonical JSON bytes (RFC 8785) and the hashes made of them.

`orjson` writes the same bytes sixty times faster as long as a value has only ASCII keys and numbers that both write the
same way; anything else goes to `rfc8785`.
"""

import hashlib

import orjson
import rfc8785

from enforcer.contract.strict_json import MAX_INT, JsonValue

_ALIKE = frozenset({str, bool, type(None)})


def canonical(value: JsonValue) -> bytes:
    """RFC 8785 bytes; raises `ValueError` for what it can't express (integers beyond 2^53-1)."""
    if _is_plain(value):
        try:
            return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        except orjson.JSONEncodeError:
            pass
    return rfc8785.dumps(value)


def _is_plain(value: object) -> bool:
    if type(value) in _ALIKE or isinstance(value, str):
        return True
    if isinstance(value, int):
        return -MAX_INT <= value <= MAX_INT
    if isinstance(value, float):  # beyond this range the two choose exponents differently; 1.0 is `1` in RFC 8785
        return 1e-3 <= abs(value) < 1e15 and not value.is_integer()
    return _is_plain_container(value)


def _is_plain_container(value: object) -> bool:
    if type(value) is dict:
        for key, item in value.items():
            if type(key) is not str or not key.isascii():  # else keys are ordered by UTF-16 units, here by code points
                return False
            if type(item) not in _ALIKE and not _is_plain(item):
                return False
        return True
    return type(value) is list and all(map(_is_plain, value))


def sha256(data: bytes) -> str:
    """`sha256:` and 64 hexadecimal digits."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def hash_of(value: JsonValue) -> str:
    """`sha256` of the canonical bytes."""
    return sha256(canonical(value))
