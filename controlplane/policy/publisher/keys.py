"""The private keys: one file a role, made on the first start, readable by the publisher alone.

The root signs the list of the others once and can then leave the machine: later starts need `keys.json`, `root.pub`
and the other files, which must be the listed ones.
"""

import base64
import binascii
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from controlplane.common.files import PUBLIC, secret_directory, write_whole
from enforcer.contract.documents import SCHEMA, DocumentError, read, signed
from enforcer.contract.envelope import EnvelopeError, PayloadType, unseal
from enforcer.contract.fleet import KeyList, ListedKey
from enforcer.contract.keys import PublicKey, Role, SigningKey
from enforcer.contract.times import to_text

LISTED: tuple[Role, ...] = tuple(role for role in Role if role != Role.ROOT)
ORG_KEY = "org.hmac"


class KeysProblemError(Exception):
    """One line for the operator: `FILE:1: KEY: what is wrong; what would be right`."""

    def __init__(self, path: Path, key: str, sentence: str) -> None:
        super().__init__(f"{path}:1: {key}: {sentence}")


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Everything the publisher signs with."""

    signing: Mapping[Role, SigningKey]
    org_key: bytes
    root: PublicKey
    key_list: KeyList
    envelope: str

    @property
    def generation(self) -> int:
        """Of the key list, and so of every document signed now."""
        return self.key_list.generation

    @property
    def key_ids(self) -> tuple[str, ...]:
        """Of the keys in use."""
        return tuple(sorted(key.public.keyid for key in self.signing.values()))

    @property
    def token_keys(self) -> tuple[str, ...]:
        """What enforcers verify the control plane's own tokens with."""
        return tuple(listed.public for listed in self.key_list.keys if listed.role == Role.TOKEN)


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """Where they are."""

    directory: Path
    key_list: Path
    root_public: Path


def open_ring(files: KeyFiles, *, now: float) -> KeyRing:
    """Load the keys, making them on the first start; raises `KeysProblemError`."""
    secret_directory(files.directory)
    if not files.key_list.exists():
        _make(files, now)
    return read_ring(files)


def read_ring(files: KeyFiles) -> KeyRing:
    """Load the keys, and make none: what vanishes under a running publisher is no first start."""
    root = public_key(files.root_public)
    envelope, key_list = listed(files, root)
    signing = {role: private_key(files.directory / role) for role in LISTED}
    for role, key in signing.items():
        if key.public.keyid not in key_list.of(role):
            raise KeysProblemError(files.directory / role, role, f"is not in {files.key_list}; bring the listed key")
    return KeyRing(signing, _org_key(files.directory / ORG_KEY), root, key_list, envelope)


def incident_key(directory: Path) -> SigningKey:
    """For the emergency alone, in which there is no publisher to ask; raises `KeysProblemError`."""
    return private_key(directory / Role.INCIDENT)


def _make(files: KeyFiles, now: float) -> None:
    """The root first and the list last: a start that was cut off goes on where it was."""
    root_path = files.directory / Role.ROOT
    here = [role for role in LISTED if (files.directory / role).exists()]
    if not root_path.exists() and (here or files.root_public.exists()):
        raise KeysProblemError(files.key_list, "-", f"is missing, and so is the root key; bring back one of them "
                                                    f"({files.key_list} or {root_path})")  # fmt: skip
    for role in Role:
        path = files.directory / role
        if not path.exists():
            write_whole(path, SigningKey.generate().to_text() + "\n")
    if not (files.directory / ORG_KEY).exists():
        write_whole(files.directory / ORG_KEY, base64.b64encode(secrets.token_bytes(32)).decode() + "\n")
    root = private_key(root_path)
    write_whole(files.root_public, root.public.text + "\n", mode=PUBLIC)
    listed = tuple(ListedKey(role=role, public=private_key(files.directory / role).public.text) for role in LISTED)
    key_list = KeyList(schema=SCHEMA, generation=1, issued_at=to_text(now), version=1, keys=listed)
    write_whole(files.key_list, signed(key_list, PayloadType.KEYS, root).decode() + "\n", mode=PUBLIC)


def listed(files: KeyFiles, root: PublicKey) -> tuple[str, KeyList]:
    """The list as the root signed it, and its envelope; raises `KeysProblemError`."""
    envelope = _text(files.key_list)
    try:
        payload = unseal(envelope.encode(), PayloadType.KEYS, {root.keyid: root})
        return envelope, read(payload, KeyList)
    except (EnvelopeError, DocumentError) as problem:
        raise KeysProblemError(files.key_list, "-", f"{problem}; the list must be signed by the root key") from None


def public_key(path: Path) -> PublicKey:
    """Of the root; raises `KeysProblemError`."""
    try:
        return PublicKey.from_text(_text(path))
    except ValueError as problem:
        raise KeysProblemError(path, "-", f"{problem}; it is the root's public key") from None


def private_key(path: Path) -> SigningKey:
    """In a file that nobody else may read; raises `KeysProblemError`."""
    try:
        return SigningKey.from_text(_secret(path))
    except (ValueError, binascii.Error):
        raise KeysProblemError(path, path.name, "is no key; base64url of 32 bytes is one") from None


def _org_key(path: Path) -> bytes:
    try:
        made = base64.b64decode(_secret(path), validate=True)
    except binascii.Error:
        made = b""
    if len(made) != 32:
        raise KeysProblemError(path, ORG_KEY, "is no key; base64 of 32 bytes is one")
    return made


def _secret(path: Path) -> str:
    text = _text(path)
    if path.stat().st_mode & 0o077:
        raise KeysProblemError(path, path.name, "can be read by others; give it mode 0600 and think of it as known")
    return text


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as problem:
        why = problem.strerror if isinstance(problem, OSError) else "not UTF-8"
        raise KeysProblemError(path, path.name, f"can't be read, {why}; bring it back") from None
