"""The tables of the enforcer's TOML file as it is written: names, types, defaults (CONTRACTS section 3)."""

from typing import Literal

import msgspec


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Tls(_Table, frozen=True, kw_only=True):
    """Certificate and key files; both empty is plaintext."""

    cert: str = ""
    key: str = ""


class ControlPlane(_Table, frozen=True, kw_only=True):
    """Where the signed documents can be asked for directly, and whom to believe."""

    url: str
    root_keys: list[str]


class Redis(_Table, frozen=True, kw_only=True):
    """One Redis instance; the password file is relative to `data_dir`."""

    url: str
    password_file: str


class Upstream(_Table, frozen=True, kw_only=True):
    """The server behind the gate: by URL, by command, or the program itself that embeds the gate."""

    server: str
    embedded: bool = False
    url: str = ""
    command: list[str] = []
    env: dict[str, str] = {}
    cwd: str = ""


class File(_Table, frozen=True, kw_only=True):
    """The whole file."""

    enforcer_id: str
    listen: str
    public_url: str
    data_dir: str
    control_plane: ControlPlane
    policy_redis: Redis
    receipts_redis: Redis
    upstream: list[Upstream]
    enrolment_code: str = ""
    admin_listen: str = ""
    allowed_hosts: list[str] = []
    allowed_origins: list[str] = []
    list_every_s: int = 60
    denials: Literal["error", "result"] = "error"
    log: Literal["auto", "json", "line"] = "auto"
    tls: Tls = Tls()
    tls_ends_in_front: bool = False
    fetch_allow: list[str] = []
    redact: list[str] = []
    vault: dict[str, dict[str, str]] = {}
