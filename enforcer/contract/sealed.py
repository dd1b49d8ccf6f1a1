"""Sealing the publisher's answers to whoever asked: X25519, HKDF-SHA256, ChaCha20-Poly1305, one fresh key an answer.

Whoever carries an answer, a database, a web process, Redis, can't read it.
"""

import base64

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE = bytes(12)  # the key is used once
_KEY_BYTES = 32


def seal_answer(plain: bytes, *, reply_key: str, request_id: str) -> str:
    """Base64 of the sealer's public key and the sealed bytes; raises `ValueError` where `reply_key` is no key."""
    theirs = X25519PublicKey.from_public_bytes(base64.b64decode(reply_key, validate=True))
    mine = X25519PrivateKey.generate()
    public = mine.public_key().public_bytes_raw()
    cipher = ChaCha20Poly1305(_key(mine, theirs, public + theirs.public_bytes_raw()))
    return base64.b64encode(public + cipher.encrypt(_NONCE, plain, request_id.encode())).decode()


def open_answer(sealed: str, *, private: X25519PrivateKey, request_id: str) -> bytes:
    """The plain bytes; raises `ValueError` where it was not sealed to this key for this request."""
    raw = base64.b64decode(sealed, validate=True)
    public, body = raw[:_KEY_BYTES], raw[_KEY_BYTES:]
    theirs = X25519PublicKey.from_public_bytes(public)
    cipher = ChaCha20Poly1305(_key(private, theirs, public + private.public_key().public_bytes_raw()))
    try:
        return cipher.decrypt(_NONCE, body, request_id.encode())
    except InvalidTag:
        raise ValueError("not sealed to this key for this request") from None


def _key(private: X25519PrivateKey, public: X25519PublicKey, transcript: bytes) -> bytes:
    info = b"drawbridge signing answer " + transcript
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=info).derive(private.exchange(public))
