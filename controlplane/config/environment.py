"""The only place that reads the environment. What `up` left in the data directory stands in for what isn't given.

It must load on a machine that has nothing: no variable, no network, no directory.
"""

import difflib
import ipaddress
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from controlplane.config.notify import read_channels
from controlplane.config.problem import EnvironmentProblemError
from controlplane.notices.sending import Channels
from enforcer.contract.log_lines import FORMATS, Format

ROOT = Path(__file__).resolve().parents[2]
KNOWN = ("DRAWBRIDGE_DATA_DIR", "DRAWBRIDGE_KEYS_DIR")
DATABASES = ("postgresql://", "postgres://", "sqlite://")


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """All that a process of the control plane is told from outside; an empty URL is one that nobody gave."""

    data_dir: Path
    keys_dir: Path
    database_url: str
    redis_url: str
    receipts_broker_url: str
    secret_key: str
    allowed_hosts: tuple[str, ...]
    public_url: str
    fetch_allow: tuple[str, ...]
    trusted_proxies: int
    metrics_token_file: Path
    log_format: Format
    second_person: bool
    notify: Channels


def read_environment(environ: Mapping[str, str]) -> Environment:
    """Raises `EnvironmentProblemError` for an unknown `DRAWBRIDGE_*` and for values that can't be meant."""
    _refuse_unknown(environ)
    data_dir = Path(environ.get("DRAWBRIDGE_DATA_DIR") or ROOT / "var").absolute()
    public_url = _public_url(environ.get("PUBLIC_URL") or stored(data_dir / "web.url") or "http://127.0.0.1:8000")
    return Environment(
        data_dir=data_dir,
        keys_dir=Path(environ.get("DRAWBRIDGE_KEYS_DIR") or data_dir / "keys").absolute(),
        database_url=_database_url(_given(environ, "DATABASE_URL")),
        redis_url=_redis_url("REDIS_URL", _given(environ, "REDIS_URL") or stored(data_dir / "redis-admin.url")),
        receipts_broker_url=_redis_url(
            "RECEIPTS_BROKER_URL", _given(environ, "RECEIPTS_BROKER_URL") or stored(data_dir / "broker-admin.url")
        ),
        secret_key=_secret_key(environ.get("SECRET_KEY_FILE", ""), data_dir),
        allowed_hosts=_allowed_hosts(environ.get("ALLOWED_HOSTS", ""), public_url),
        public_url=public_url,
        fetch_allow=_networks(environ.get("FETCH_ALLOW", "")),
        trusted_proxies=_trusted_proxies(environ.get("TRUSTED_PROXIES", "")),
        metrics_token_file=_metrics_token_file(environ.get("METRICS_TOKEN_FILE", ""), data_dir),
        log_format=_log_format(environ.get("LOG_FORMAT", "")),
        second_person=_switch("KILL_LOWER_SECOND_PERSON", environ.get("KILL_LOWER_SECOND_PERSON", "")),
        notify=read_channels(environ, _networks(environ.get("FETCH_ALLOW", ""))),
    )


def stored(path: Path) -> str:
    """The text of a small file that may not be there or not be ours to read."""
    try:
        return path.read_text().strip()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return ""


def _switch(name: str, text: str) -> bool:
    """On unless it says off."""
    if text not in ("", "on", "off"):
        raise EnvironmentProblemError(name, f"{text!r} is neither; write on or off")
    return text != "off"


def is_loopback(host: str) -> bool:
    """Whether nothing outside this machine can reach that host name or address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refuse_unknown(environ: Mapping[str, str]) -> None:
    for name in sorted(environ):
        if name.startswith("DRAWBRIDGE_") and name not in KNOWN:
            near = difflib.get_close_matches(name, KNOWN, n=1, cutoff=0.8)
            right = f"did you mean {near[0]}?" if near else "known are " + " and ".join(KNOWN)
            raise EnvironmentProblemError(name, f"unknown variable; {right}")


def _given(environ: Mapping[str, str], name: str) -> str:
    """A URL that may hold a password, or the text of the file that `NAME_FILE` names instead."""
    value, file = environ.get(name, ""), environ.get(f"{name}_FILE", "")
    if value and file:
        raise EnvironmentProblemError(f"{name}_FILE", f"stands beside {name}; keep one of them")
    return _text_of(f"{name}_FILE", file) if file else value


def _text_of(key: str, file: str) -> str:
    try:
        text = Path(file).read_text().strip()
    except (OSError, UnicodeDecodeError) as problem:
        why = problem.strerror if isinstance(problem, OSError) else "not UTF-8"
        raise EnvironmentProblemError(key, f"{file} can't be read, {why}; name a text file") from None
    if not text:
        raise EnvironmentProblemError(key, f"{file} is empty; write the value into it")
    return text


def _secret_key(file: str, data_dir: Path) -> str:
    """Without a file each process makes its own: nothing that it signs outlives it."""
    if not file:
        return stored(data_dir / "secret.key") or secrets.token_urlsafe(48)
    text = _text_of("SECRET_KEY_FILE", file)
    if len(text) < 32:
        raise EnvironmentProblemError("SECRET_KEY_FILE", f"{file} is too short; write 32 random characters or more")
    return text


def _metrics_token_file(file: str, data_dir: Path) -> Path:
    """The one that `up` makes; it is read at each request, and without it there are no metrics."""
    if not file:
        return data_dir / "metrics.token"
    if len(_text_of("METRICS_TOKEN_FILE", file)) < 32:
        raise EnvironmentProblemError("METRICS_TOKEN_FILE", f"{file} is too short; write 32 random characters or more")
    return Path(file).absolute()


def _log_format(text: str) -> Format:
    for known in FORMATS:
        if text == known:
            return known
    if text:
        raise EnvironmentProblemError("LOG_FORMAT", f"{text!r} is no form; write auto, json or line")
    return "auto"


def _trusted_proxies(text: str) -> int:
    """How many in front add to `X-Forwarded-For`; none unless somebody says so, for anybody can send that header."""
    if text and not (text.isascii() and text.isdigit() and int(text) <= 10):
        raise EnvironmentProblemError("TRUSTED_PROXIES", f"{text!r} is no number of proxies; write 0 to 10")
    return int(text or 0)


def _public_url(text: str) -> str:
    parts = _split("PUBLIC_URL", text, ("http", "https"))
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise EnvironmentProblemError("PUBLIC_URL", f"{text!r} is plaintext beyond this machine; write https://…")
    return text.rstrip("/")


def _database_url(text: str) -> str:
    """It may hold a password, so it is never repeated."""
    if text and not text.startswith(DATABASES):
        raise EnvironmentProblemError("DATABASE_URL", "is no URL of a database; write postgresql://USER@HOST/NAME")
    return text


def _redis_url(key: str, text: str) -> str:
    if not text:
        return ""
    parts = _split(key, text, ("redis", "rediss"))
    if parts.scheme == "redis" and not is_loopback(parts.hostname or ""):
        raise EnvironmentProblemError(key, "is plaintext beyond this machine; write rediss://…")
    return text


class _Parts:
    def __init__(self, scheme: str, hostname: str | None) -> None:
        self.scheme, self.hostname = scheme, hostname


def _split(key: str, text: str, schemes: tuple[str, ...]) -> _Parts:
    """The text is not repeated where it may hold a password."""
    shown = repr(text) if "@" not in text else "the value"
    try:
        parts = urlsplit(text)
        whole = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole:
        raise EnvironmentProblemError(key, f"{shown} is no URL; write {schemes[0]}://HOST:PORT or {schemes[1]}://…")
    return _Parts(parts.scheme, parts.hostname)


def _allowed_hosts(text: str, public_url: str) -> tuple[str, ...]:
    given = tuple(name.strip() for name in text.split(",") if name.strip())
    if "*" in given:
        raise EnvironmentProblemError("ALLOWED_HOSTS", "'*' would believe any Host header; name the hosts")
    host = urlsplit(public_url).hostname or ""
    return given or tuple(dict.fromkeys((f"[{host}]" if ":" in host else host, "127.0.0.1", "localhost", "[::1]")))


def _networks(text: str) -> tuple[str, ...]:
    given = tuple(part.strip() for part in text.split(",") if part.strip())
    for part in given:
        try:
            ipaddress.ip_network(part)
        except ValueError:
            raise EnvironmentProblemError(
                "FETCH_ALLOW", f"{part!r} is no network; write them like 10.1.0.0/16,10.2.0.0/16"
            ) from None
    return given
