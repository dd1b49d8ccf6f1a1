"""Cursors: a list depends on its caller, so a page of one must not be had with the cursor of another.

The upstream's cursor goes out encrypted and bound to whom, to what server and to which method it belongs.
"""

import base64
import binascii
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from enforcer.contract.canonical import canonical
from enforcer.mcp.sessions import Principal

MAX_UPSTREAM_CURSOR = 4096  # bytes
_NONCE = 12


class Cursors:
    """One key, of this process unless another is given: after a restart a client starts its list anew."""

    def __init__(self, key: bytes | None = None) -> None:
        self._aead = ChaCha20Poly1305(key or ChaCha20Poly1305.generate_key())

    def wrap(self, cursor: str, principal: Principal, server_id: str, method: str) -> str | None:
        """For the client; None where the upstream's is absurdly long."""
        raw = cursor.encode()
        if len(raw) > MAX_UPSTREAM_CURSOR:
            return None
        nonce = secrets.token_bytes(_NONCE)
        sealed = nonce + self._aead.encrypt(nonce, raw, _bound_to(principal, server_id, method))
        return base64.urlsafe_b64encode(sealed).decode("ascii")

    def unwrap(self, cursor: str, principal: Principal, server_id: str, method: str) -> str | None:
        """The upstream's again; None for one that was not made here, for this."""
        try:
            sealed = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True)
            return self._aead.decrypt(
                sealed[:_NONCE], sealed[_NONCE:], _bound_to(principal, server_id, method)
            ).decode()
        except (binascii.Error, InvalidTag, ValueError):
            return None


def _bound_to(principal: Principal, server_id: str, method: str) -> bytes:
    return canonical([*principal, server_id, method])
