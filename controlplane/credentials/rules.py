"""What is refused of a vault backend and of a reference into one: other places than a vault, and secrets themselves.

Nothing here repeats a text that may hold a secret.
"""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from controlplane.config.environment import is_loopback
from controlplane.credentials.models import REMOTE, BackendKind
from controlplane.credentials.secrets_seen import reads_like_secret
from controlplane.credentials.specs import VaultBackendSpec, VaultReferenceSpec

DEFAULT_MOUNT = "secret"  # where a vault keeps key-value secrets unless somebody moved it
LONGEST_PREFIX = 32
WITHOUT = "where the secret is kept, never the secret"
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*|[0-9a-f:]+:[0-9a-f:.]*")
_SEGMENTS = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_PREFIX = re.compile(r"([A-Za-z0-9._~+/=:-]{1,16} )*[A-Za-z0-9._~+/=:-]{0,16}")
TAKEN = frozenset(
    {"accept", "connection", "content-encoding", "content-length", "content-type", "expect", "host", "keep-alive"}
    | {"te", "trailer", "transfer-encoding", "upgrade", "traceparent", "tracestate"}
)


class Fault(NamedTuple):
    """What is wrong with the value of a key, and what would be right."""

    key: str
    what: str
    right: str


def faults_of_backend(backend: VaultBackendSpec) -> Iterator[Fault]:
    """All of them."""
    if backend.kind in REMOTE:
        yield from _address_faults(backend.address)
        if not _is_relative(backend.mount):
            yield Fault("mount", "is no mount of a vault", f"like {DEFAULT_MOUNT} or kv/team")
    elif backend.address:
        yield Fault("address", f"a backend of kind {backend.kind} has no address", "leave it out")
    if backend.kind == BackendKind.FILE and not _is_directory(backend.mount):
        yield Fault("mount", "is no directory of the enforcer's host", "an absolute path below / without ..")
    if backend.kind == BackendKind.ENV and backend.mount:
        yield Fault("mount", "a backend of kind env has no mount", "leave it out")
    yield from _secrets_in(("mount", backend.mount), ("address", backend.address))


def faults_of_reference(reference: VaultReferenceSpec, kind: str) -> Iterator[Fault]:
    """All of them, for a backend of that kind."""
    if kind == BackendKind.ENV and not _VARIABLE.fullmatch(reference.path):
        yield Fault("path", "is no environment variable of the enforcer", "its name")
    elif kind != BackendKind.ENV and not _is_relative(reference.path):
        yield Fault("path", "is no path below the mount", "like servers/files, without .. or a / in front")
    if kind in REMOTE and not reference.field:
        yield Fault("field", "is missing", "the key under which the secret is stored there")
    if kind == BackendKind.ENV and reference.field:
        yield Fault("field", "an environment variable has no field", "leave it out")
    if not _HEADER.fullmatch(reference.header) or _is_taken(reference.header):
        yield Fault("header", "is no header that may carry a credential", "Authorization, or the server's own")
    if len(reference.prefix) > LONGEST_PREFIX or not _PREFIX.fullmatch(reference.prefix):
        yield Fault("prefix", "is no word in front of a credential", 'like "Bearer ", or ""')
    yield from _secrets_in(("path", reference.path), ("field", reference.field), ("prefix", reference.prefix))


def _address_faults(address: str) -> Iterator[Fault]:
    right = "https://HOST:PORT"
    parts = _split(address)
    if parts is None:
        yield Fault("address", "is no address of a vault", right)
        return
    if "@" in parts.netloc:
        yield Fault("address", "holds a user or a password", f"{right}; enforcers sign in by their own file")
    if parts.query or parts.fragment or "?" in address or "#" in address:
        yield Fault("address", "has a query or a fragment", f"{right} alone")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        yield Fault("address", "is plaintext beyond the enforcer's own host", right)


def _split(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address)
        whole = parts.scheme in ("http", "https") and parts.port != 0 and _HOST.fullmatch(parts.hostname or "")
    except ValueError:
        return None
    return parts if whole and (parts.path in ("", "/") or _is_relative(parts.path.strip("/"))) else None


def _is_relative(path: str) -> bool:
    return bool(_SEGMENTS.fullmatch(path)) and not {".", ".."}.intersection(path.split("/"))


def _is_directory(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return path.startswith("/") and len(parts) > 1 and ".." not in parts and "\0" not in path


def _is_taken(header: str) -> bool:
    return header.lower() in TAKEN or header.lower().startswith(("mcp-", "proxy-", "sec-"))


def _secrets_in(*texts: tuple[str, str]) -> Iterator[Fault]:
    for key, text in texts:
        if what := reads_like_secret(text):
            yield Fault(key, f"reads like {what}", WITHOUT)
