"""The files that enrolment left in `data_dir`: read once, at start, and only where nobody else can read them."""

import base64
import binascii
import stat
from pathlib import Path

from enforcer.contract import strict_json
from enforcer.contract.keys import SigningKey
from enforcer.errors import ConfigurationError

KEY, HMAC = "enforcer.key", "server.hmac"


def read_secret(path: Path) -> str:
    """The text of a secret file; raises `ConfigurationError` where it is missing or open to others."""
    try:
        mode = path.stat().st_mode
        text = path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(f"{path}:1: -: can't be read; enrol again with --rotate") from None
    if stat.S_IMODE(mode) & 0o077:
        raise ConfigurationError(f"{path}:1: -: others may read it; chmod 600 {path}")
    return text


def signing_key(data_dir: Path) -> SigningKey:
    """The enforcer's own key."""
    path = data_dir / KEY
    try:
        return SigningKey.from_text(read_secret(path))
    except (ValueError, binascii.Error):
        raise ConfigurationError(f"{path}:1: -: holds no key; enrol again with --rotate") from None


def hmac_keys(data_dir: Path) -> dict[str, tuple[str, bytes]]:
    """Server id → (key id, key) for hashes of arguments."""
    path = data_dir / HMAC
    try:
        found = strict_json.parse_object(read_secret(path).encode())
        return {server_id: _entry(entry) for server_id, entry in found.items()}
    except (strict_json.StrictJsonError, KeyError, TypeError, binascii.Error):
        raise ConfigurationError(f"{path}:1: -: holds no keys; enrol again with --rotate") from None


def _entry(entry: strict_json.JsonValue) -> tuple[str, bytes]:
    if not isinstance(entry, dict):
        raise TypeError
    return str(entry["key_id"]), base64.b64decode(str(entry["key"]), validate=True)
