"""What enrolment leaves on the enforcer's host: four secret files, and the TOML that names everything else."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from controlplane.common.files import secret_directory, write_whole
from enforcer.contract.keys import SigningKey

KEY, REDIS_PASS, BROKER_PASS, SERVER_HMAC = "enforcer.key", "redis.pass", "broker.pass", "server.hmac"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """Never printed; `server_keys` maps a server to `{"key_id", "key"}`."""

    key: SigningKey
    redis_password: str
    broker_password: str
    server_keys: Mapping[str, Mapping[str, str]]

    def write(self, directory: Path) -> None:
        """Into a directory that nobody else can enter."""
        secret_directory(directory)
        write_whole(directory / REDIS_PASS, self.redis_password + "\n")
        write_whole(directory / BROKER_PASS, self.broker_password + "\n")
        write_whole(directory / SERVER_HMAC, json.dumps(self.server_keys, indent=1, sort_keys=True) + "\n")
        write_whole(directory / KEY, self.key.to_text() + "\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the enforcer and everything it talks to is."""

    enforcer_id: str
    face: "Face"
    data_dir: Path
    control_plane_url: str
    root_key: str
    redis_url: str
    broker_url: str


@dataclass(frozen=True, slots=True)
class Face:
    """What clients see of it; `tls` is empty, or names the certificate's file and its key's."""

    listen: str
    public_url: str
    tls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Upstream:
    """The server behind the gate; with neither URL nor command somebody has yet to write one."""

    server: str
    url: str = ""
    command: Sequence[str] = ()
    embedded: bool = False


def toml(place: Place, upstreams: Sequence[Upstream], *, code: str = "") -> str:
    """The file for `enforcer run` (CONTRACTS section 3); `code` is of an enforcer that registers itself."""
    user = f"enforcer-{place.enforcer_id}"
    lines = [
        f"enforcer_id = {_text(place.enforcer_id)}",
        *([f"enrolment_code = {_text(code)}"] if code else []),
        f"listen = {_text(place.face.listen)}",
        'admin_listen = "127.0.0.1:0"',
        f"public_url = {_text(place.face.public_url)}",
        f"data_dir = {_text(str(place.data_dir))}",
        *_tls(place.face),
        "[control_plane]",
        f"url = {_text(place.control_plane_url)}",
        f"root_keys = [{_text(place.root_key)}]",
        "[policy_redis]",
        f"url = {_text(for_user(place.redis_url, user))}",
        f"password_file = {_text(REDIS_PASS)}",
        "[receipts_redis]",
        f"url = {_text(for_user(place.broker_url, user))}",
        f"password_file = {_text(BROKER_PASS)}",
    ]
    for upstream in upstreams:
        lines += ["[[upstream]]", f"server = {_text(upstream.server)}", _behind(upstream)]
    return "\n".join(lines)


def for_user(admin_url: str, user: str) -> str:
    """The same instance, another user, no password."""
    parts = urlsplit(admin_url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{user}@{host}:{parts.port or 6379}{parts.path or '/0'}"


def _tls(face: Face) -> list[str]:
    if not face.tls:
        return []
    cert, key = face.tls
    return [f"tls = {{cert = {_text(cert)}, key = {_text(key)}}}"]


def _behind(upstream: Upstream) -> str:
    if upstream.embedded:
        return "embedded = true"
    if upstream.command:
        return f"command = [{', '.join(_text(word) for word in upstream.command)}]"
    if upstream.url:
        return f"url = {_text(upstream.url)}"
    return 'url = ""    # write the server\'s URL here, or instead: command = ["PROGRAM", "ARGUMENT"]'


def _text(value: str) -> str:
    """A TOML basic string: as JSON, and DEL is escaped too."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
