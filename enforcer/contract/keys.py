"""Ed25519 keys (RFC 8032): their text forms, ids and roles.

A public key is written `ed25519:` and 43 letters of unpadded base64url; its id is the first 16 hexadecimal digits of
SHA-256 of the 32 bytes.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from enum import StrEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

PREFIX = "ed25519:"


class Role(StrEnum):
    """What a control-plane key may sign; the root signs the list of the others."""

    ROOT = "root"
    POLICY = "policy"
    INCIDENT = "incident"
    LEASE = "lease"
    ACK = "ack"
    PERMIT = "permit"
    TOKEN = "token"  # noqa: S105 - a role, not a secret
    CHECKPOINT = "checkpoint"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One verifying key."""

    raw: bytes

    @classmethod
    def from_text(cls, text: str) -> "PublicKey":
        """Raises `ValueError` for anything but `ed25519:` and base64url of 32 bytes."""
        body = text.removeprefix(PREFIX)
        try:
            raw = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        except binascii.Error:
            raw = b""
        if not text.startswith(PREFIX) or len(raw) != 32:
            raise ValueError("not a key like ed25519:… with 32 bytes of base64url")
        return cls(raw)

    @property
    def text(self) -> str:
        """`ed25519:…`"""
        return PREFIX + base64.urlsafe_b64encode(self.raw).decode().rstrip("=")

    @property
    def keyid(self) -> str:
        """16 hexadecimal digits."""
        return hashlib.sha256(self.raw).hexdigest()[:16]

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether this key made the signature."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


class SigningKey:
    """One private key; never shown."""

    __slots__ = ("_key", "public")

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = PublicKey(self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    @classmethod
    def generate(cls) -> "SigningKey":
        """A new random key."""
        made = Ed25519PrivateKey.generate()
        return cls(made.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()))

    @classmethod
    def from_text(cls, text: str) -> "SigningKey":
        """The form of the key files: base64url of the 32-byte seed, a newline allowed."""
        return cls(base64.urlsafe_b64decode(text.strip() + "="))

    def to_text(self) -> str:
        """For a file of mode 0600 and nothing else."""
        seed = self._key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        return base64.urlsafe_b64encode(seed).decode().rstrip("=")

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        return self._key.sign(message)

    def private(self) -> Ed25519PrivateKey:
        """For PyJWT."""
        return self._key

    def __repr__(self) -> str:
        return f"SigningKey({self.public.keyid})"
