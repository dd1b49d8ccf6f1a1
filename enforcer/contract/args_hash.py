"""The keyed hash of arguments in receipts (CONTRACTS section 4): a plain hash of small arguments can be guessed."""

import hashlib
import hmac

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from enforcer.contract.canonical import canonical
from enforcer.contract.strict_json import JsonObject

KEY_BYTES = 32


def derive_server_key(org_key: bytes, server_id: str) -> tuple[str, bytes]:
    """(key id, key of 32 bytes) of one server by HKDF-SHA256 (RFC 5869). Raises `ValueError` for a short key."""
    if len(org_key) < KEY_BYTES:
        raise ValueError(f"the organisation's key has less than {KEY_BYTES} bytes")
    info = f"drawbridge args {server_id}".encode()
    key = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(org_key)
    return hashlib.sha256(b"drawbridge args key id" + key).hexdigest()[:16], key


def args_hash(arguments: JsonObject, key_id: str, key: bytes) -> str:
    """`hmac-sha256:<key id>:<hex>` over canonical JSON; raises `ValueError` for what that can't express."""
    return f"hmac-sha256:{key_id}:{hmac.digest(key, canonical(arguments), 'sha256').hex()}"
