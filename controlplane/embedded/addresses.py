"""Ports and URLs of the embedded parts. A port, once chosen, is kept: enforcers were told it at enrolment."""

import secrets
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from controlplane.common.files import write_whole

ADMIN = "admin"
INGEST = "ingest"
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Redis:
    """One Valkey: its port and the passwords of the users that the control plane itself has there."""

    port: int
    admin_password: str
    ingest_password: str

    def url(self, user: str) -> str:
        """With the password: for a file of mode 0600 or an environment, never for a command line."""
        password = self.admin_password if user == ADMIN else self.ingest_password
        return f"redis://{user}:{password}@{LOOPBACK}:{self.port}/0"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where everything listens."""

    policy: Redis
    receipts: Redis
    web_port: int

    @property
    def web_url(self) -> str:
        """Without a slash at the end."""
        return f"http://{LOOPBACK}:{self.web_port}"

    def save(self, data: Path) -> None:
        """The files in which commands find what `up` left; Django's secret and the metrics token, once."""
        write_whole(data / "redis-admin.url", self.policy.url(ADMIN) + "\n")
        write_whole(data / "broker-admin.url", self.receipts.url(ADMIN) + "\n")
        write_whole(data / "broker-ingest.url", self.receipts.url(INGEST) + "\n")
        write_whole(data / "web.url", self.web_url + "\n")
        for name in ("secret.key", "metrics.token"):
            if not (data / name).exists():
                write_whole(data / name, secrets.token_urlsafe(48) + "\n")


def choose(data: Path, *, port: int | None, redis_port: int | None) -> Addresses:
    """Ports as asked for, else as last time where they are free, else free ones."""
    policy_port = redis_port or _port_like(data / "redis-admin.url")
    return Addresses(
        policy=Redis(policy_port, _password(data / "redis-admin.url"), secrets.token_urlsafe(32)),
        receipts=Redis(
            _port_like(data / "broker-admin.url"),
            _password(data / "broker-admin.url"),
            _password(data / "broker-ingest.url"),
        ),
        web_port=port or _port_like(data / "web.url"),
    )


def _last(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""


def _password(path: Path) -> str:
    return urlsplit(_last(path)).password or secrets.token_urlsafe(32)


def _port_like(path: Path) -> int:
    last = urlsplit(_last(path)).port
    return last if last is not None and _free(last) else _any_free()


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def _any_free() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
