import hashlib
import hmac

import pytest

from enforcer.contract.args_hash import args_hash, derive_server_key

ORG = bytes(range(32))


def hkdf(key: bytes, info: bytes) -> bytes:
    """RFC 5869, one block, no salt, written out."""
    extracted = hmac.digest(bytes(32), key, "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")


def test_the_key_of_a_server_is_hkdf_of_the_organisations_key() -> None:
    key_id, key = derive_server_key(ORG, "files")
    assert key == hkdf(ORG, b"drawbridge args files")
    assert key_id == hashlib.sha256(b"drawbridge args key id" + key).hexdigest()[:16]


def test_servers_and_organisations_share_no_key() -> None:
    keys = {derive_server_key(org, server) for org in (ORG, ORG[::-1]) for server in ("files", "git")}
    assert len({key_id for key_id, _ in keys}) == len({key for _, key in keys}) == 4


def test_the_hash_is_over_canonical_json_and_names_its_key() -> None:
    expected = hmac.new(b"k" * 32, b'{"a":1,"b":[true,null]}', "sha256").hexdigest()
    assert args_hash({"b": [True, None], "a": 1.0}, "id", b"k" * 32) == f"hmac-sha256:id:{expected}"


def test_a_short_key_and_arguments_that_read_differently_elsewhere_are_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        derive_server_key(b"short", "files")
    with pytest.raises(ValueError, match=r"."):
        args_hash({"a": 2**60}, "id", b"k" * 32)
