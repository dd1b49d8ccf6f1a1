"""The enforcer's TOML file: read, checked whole, and turned into values that the program can't misread."""

import ipaddress
import re
import ssl
import tomllib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from enforcer import toml_lines
from enforcer.config_file import ControlPlane, File, Redis, Tls, Upstream
from enforcer.config_problems import WrongError, dotted, translate
from enforcer.contract.keys import PublicKey
from enforcer.contract.targets import ID
from enforcer.errors import ConfigurationError
from enforcer.policy.risk_patterns import problem_of

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
MOST_PATTERNS = 32
LOOPBACK: tuple[Network, ...] = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a TCP port; 0 lets the system choose."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether nothing outside this machine can reach it."""
        return is_loopback(self.host)


@dataclass(frozen=True, slots=True)
class Config:
    """The whole file, checked."""

    path: Path
    text: str
    file: File
    listen: Address
    admin_listen: Address | None
    data_dir: Path
    fetch_allow: tuple[Network, ...]
    root_keys: tuple[PublicKey, ...]
    redact: tuple[str, ...]

    def problem(self, key: str, sentence: str) -> ConfigurationError:
        """What turned out to be wrong with a key later on, in the same words as at reading."""
        return _problem(self.path, self.text, (key,), sentence)

    @property
    def enforcer_id(self) -> str:
        """Of this enforcer, unique in the fleet."""
        return self.file.enforcer_id

    @property
    def server_ids(self) -> tuple[str, ...]:
        """In the order of the file."""
        return tuple(u.server for u in self.file.upstream)

    def server_named(self, given: str | None) -> str:
        """That of the option `--server`, or the only one; raises `ConfigurationError`."""
        if given is None and len(self.server_ids) == 1:
            return self.server_ids[0]
        if given not in self.server_ids:
            what = "is missing" if given is None else f"{given!r} is not in the file"
            raise ConfigurationError(f"command line:1: --server: {what}; name one of {', '.join(self.server_ids)}")
        return given


def load(path: Path) -> Config:
    """Read and check; raises `ConfigurationError` with one line that names file, line and key."""
    try:
        text = path.read_bytes().decode()
        data = tomllib.loads(text)
    except OSError as problem:
        raise ConfigurationError(
            f"{path}:1: -: can't be read, {problem.strerror}; name an enforcer's TOML file"
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}:1: -: not UTF-8; save the file as UTF-8") from None
    except tomllib.TOMLDecodeError as problem:
        where = re.search(r"line (\d+)", str(problem))
        number = where.group(1) if where else text.count("\n") + 1
        raise ConfigurationError(f"{path}:{number}: -: not TOML; {problem}") from None
    try:
        file = msgspec.convert(data, File, strict=True)
        return _checked(path, text, file)
    except msgspec.ValidationError as problem:
        key, sentence = translate(str(problem))
    except WrongError as problem:
        key, sentence = problem.key, problem.sentence
    raise _problem(path, text, key, sentence)


def _problem(path: Path, text: str, key: toml_lines.Path, sentence: str) -> ConfigurationError:
    return ConfigurationError(f"{path}:{toml_lines.line_of(text, key)}: {dotted(key)}: {sentence}")


def _checked(path: Path, text: str, file: File) -> Config:
    _check_ids(file)
    listen = _address(("listen",), file.listen)
    _check_exposure(file, listen)
    _check_url(("public_url",), file.public_url)
    _check_url(("control_plane", "url"), file.control_plane.url)
    _check_plaintext(("control_plane", "url"), file.control_plane.url)
    for name, redis in (("policy_redis", file.policy_redis), ("receipts_redis", file.receipts_redis)):
        _check_redis(name, redis)
    networks = _networks(file)
    for number, upstream in enumerate(file.upstream):
        _check_upstream(number, upstream)
        _check_address(("upstream", number, "url"), upstream.url, networks)
    if not 1 <= file.list_every_s <= 86_400:
        raise WrongError(("list_every_s",), f"{file.list_every_s} is out of range; write seconds from 1 to 86400")
    if file.vault:
        raise WrongError(("vault", next(iter(file.vault))), "this version serves no vault; remove the table")
    if not Path(file.data_dir).is_absolute():
        raise WrongError(("data_dir",), "is a relative path; write an absolute one")
    return Config(
        path=path,
        text=text,
        file=file,
        listen=listen,
        admin_listen=_address(("admin_listen",), file.admin_listen) if file.admin_listen else None,
        data_dir=Path(file.data_dir),
        fetch_allow=networks,
        root_keys=_root_keys(file.control_plane),
        redact=_patterns(file),
    )


def _check_ids(file: File) -> None:
    if not ID.fullmatch(file.enforcer_id):
        raise WrongError(("enforcer_id",), f"{file.enforcer_id!r} is no id; lower-case letters, digits, - and _")
    seen: set[str] = set()
    for number, upstream in enumerate(file.upstream):
        if not ID.fullmatch(upstream.server):
            raise WrongError(("upstream", number, "server"), f"{upstream.server!r} is no id; write a server's id")
        if upstream.server in seen:
            raise WrongError(("upstream", number, "server"), f"{upstream.server!r} stands twice; one upstream a server")
        seen.add(upstream.server)
    if not file.upstream:
        raise WrongError(("upstream",), "is empty; write at least one [[upstream]]")


def _check_exposure(file: File, listen: Address) -> None:
    if bool(file.tls.cert) != bool(file.tls.key):
        raise WrongError(("tls",), "has only one of cert and key; write both or neither")
    if file.tls.cert:
        _check_certificate(file.tls)
    plaintext = not file.tls.cert and not file.tls_ends_in_front
    if plaintext and not listen.loopback:
        raise WrongError(
            ("listen",),
            f"{file.listen} would be plaintext beyond this machine; set tls, tls_ends_in_front = true, or a loopback",
        )
    if file.admin_listen and not _address(("admin_listen",), file.admin_listen).loopback:
        raise WrongError(("admin_listen",), f"{file.admin_listen} is not loopback; write 127.0.0.1:PORT")


def _check_certificate(tls: Tls) -> None:
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(tls.cert, tls.key)
    except OSError as problem:
        why = problem.strerror or "they don't belong together"
        raise WrongError(("tls",), f"cert and key can't be loaded, {why}; name two PEM files") from None


def _check_url(key: toml_lines.Path, text: str) -> None:
    try:
        parts = urlsplit(text)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole:
        raise WrongError(key, f"{text!r} is no URL; write http://HOST:PORT or https://…")
    if parts.username or parts.query or parts.fragment:
        raise WrongError(key, "has a user, query or fragment; write scheme, host, port and path only")


def _check_plaintext(key: toml_lines.Path, text: str) -> None:
    if text.startswith("http:") and not is_loopback(urlsplit(text).hostname or ""):
        raise WrongError(key, "is plaintext beyond this machine; write https://…")


def _check_address(key: toml_lines.Path, url: str, networks: tuple[Network, ...]) -> None:
    """An address written out; what a name resolves to is checked at each connection."""
    try:
        address = ipaddress.ip_address(urlsplit(url).hostname or "")
    except ValueError:
        return
    if not address.is_global and not any(address in network for network in networks):
        raise WrongError(key, f"{address} is neither public nor in fetch_allow; add its network there")


def _check_redis(name: str, redis: Redis) -> None:
    parts = urlsplit(redis.url)
    if parts.scheme not in ("redis", "rediss") or not parts.hostname or not parts.username:
        raise WrongError((name, "url"), "is no Redis URL; write redis://USER@HOST:PORT/0")
    if parts.password:
        raise WrongError((name, "url"), "holds a password; put it into password_file")
    if parts.scheme == "redis" and not is_loopback(parts.hostname):
        raise WrongError((name, "url"), "is plaintext beyond this machine; write rediss://…")


def _check_upstream(number: int, upstream: Upstream) -> None:
    key: toml_lines.Path = ("upstream", number)
    if [bool(upstream.url), bool(upstream.command), upstream.embedded].count(True) != 1:
        raise WrongError((*key, "url"), "needs exactly one of url and command, or embedded = true; write one of them")
    if upstream.url:
        _check_url((*key, "url"), upstream.url)
        _check_plaintext((*key, "url"), upstream.url)
        if upstream.env or upstream.cwd:
            raise WrongError((*key, "env" if upstream.env else "cwd"), "belongs to a command; remove it beside url")
    elif upstream.embedded:
        if upstream.env or upstream.cwd:
            raise WrongError(
                (*key, "env" if upstream.env else "cwd"), "belongs to a command; remove it beside embedded"
            )
    elif not upstream.command[0]:
        raise WrongError((*key, "command"), "starts with an empty word; write the program first")
    if upstream.cwd and not Path(upstream.cwd).is_absolute():
        raise WrongError((*key, "cwd"), "is a relative path; write an absolute one")


def _address(key: toml_lines.Path, text: str) -> Address:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise WrongError(key, f"{text!r} is no address; write HOST:PORT")
    return Address(host.removeprefix("[").removesuffix("]"), int(port))


def _networks(file: File) -> tuple[Network, ...]:
    """Loopback may be fetched from where, and only where, the control plane is there: a system on one machine."""
    made = tuple(_network(n, text) for n, text in enumerate(file.fetch_allow))
    here = is_loopback(urlsplit(file.control_plane.url).hostname or "")
    for number, network in enumerate(made):
        if network.is_loopback and not here:
            raise WrongError(("fetch_allow", number), "is loopback, and control_plane.url is not; remove it")
    return (*made, *LOOPBACK) if here else made


def _network(number: int, text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        raise WrongError(("fetch_allow", number), f"{text!r} is no network; write one like 10.1.0.0/16") from None


def _patterns(file: File) -> tuple[str, ...]:
    """Matched with what receipts would show, within each call: quick ones only."""
    if len(file.redact) > MOST_PATTERNS:
        raise WrongError(("redact",), f"holds {len(file.redact)} patterns; write at most {MOST_PATTERNS}")
    for number, pattern in enumerate(file.redact):
        problem = problem_of(pattern)
        if problem is not None:
            raise WrongError(("redact", number), f"{problem}; write one without look-around and back-references")
    return tuple(file.redact)


def _root_keys(control_plane: ControlPlane) -> tuple[PublicKey, ...]:
    key: toml_lines.Path = ("control_plane", "root_keys")
    try:
        made = tuple(PublicKey.from_text(text) for text in control_plane.root_keys)
    except ValueError as problem:
        raise WrongError(key, f"{problem}; copy it from enroll") from None
    if not made:
        raise WrongError(key, "is empty; copy the key from enroll")
    return made


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's loopback and nothing else."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
