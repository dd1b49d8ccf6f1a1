"""A URL argument against the egress allow-list (DESIGN section 5): read as a browser does and as Python does.

Both readings must give the same host, the scheme must be http or https, and the host must be on the list. The browser's
reading is the host part of the WHATWG URL standard (URL parsing and host parsing), written small: what it maps or
decodes (Unicode, percent, short IPv4 forms) Python reads otherwise, so most of it ends in a refusal.
"""

import ipaddress
import re
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import unquote_to_bytes, urlsplit

MAX_BYTES = 16 * 1024
_EDGES = "".join(map(chr, range(0x21)))
_DROPPED = str.maketrans("", "", "\t\n\r")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_AUTHORITY = re.compile(r"[/\\]*+([^/\\?#]*+)(.*)", re.DOTALL)
_NAME = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_PORT = re.compile(r"(.*?)(?::([0-9]*))?", re.DOTALL)
_NOT_PLAIN = "the host is not a plain name or address"
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Allowed:
    """The host (lower case, no trailing dot) and the URL without user, default port and dot segments."""

    host: str
    url: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Why, without the URL."""

    detail: str


@dataclass(frozen=True, slots=True)
class _Read:
    scheme: str
    host: str
    port: int | None
    rest: str  # from the path on


UrlVerdict: TypeAlias = Allowed | Refused


def check_url(sent: str, egress: tuple[str, ...]) -> UrlVerdict:
    """Whether the URL leads to an allow-listed host: exact names, or `*.example.com` for all below it."""
    browser = _as_browser(sent)
    if isinstance(browser, Refused):
        return browser
    if _as_python(sent) != (browser.scheme, browser.host, browser.port):
        return Refused("browsers and other programs read this URL in different ways")
    if not any(_listed(browser.host, entry) for entry in egress):
        return Refused("the host is not on the server's egress list")
    return Allowed(browser.host, _written(browser))


def _as_browser(sent: str) -> _Read | Refused:
    if len(sent) > MAX_BYTES:
        return Refused(f"longer than {MAX_BYTES} bytes")
    text = sent.strip(_EDGES).translate(_DROPPED)
    scheme = _SCHEME.match(text)
    if scheme is None or scheme[1].lower() not in _DEFAULT_PORTS:
        return Refused("the scheme is not http or https")
    authority = _AUTHORITY.fullmatch(text, scheme.end())
    if authority is None or authority[1].count("@") > 1:
        return Refused("more than one @ before the host")
    found = _PORT.fullmatch(authority[1].rpartition("@")[2])
    port = int(found[2]) if found is not None and found[2] and len(found[2]) < 6 else None
    if found is None or (found[2] and (port is None or port > 65535)):
        return Refused("the port is not a number up to 65535")
    host = _host(found[1])
    return host if isinstance(host, Refused) else _Read(scheme[1].lower(), host, port, authority[2])


def _host(text: str) -> str | Refused:
    """WHATWG host parsing. Names outside ASCII are refused, not mapped: write them as xn--…."""
    if text.startswith("["):
        return _ip6(text)
    try:
        decoded = unquote_to_bytes(text).decode("ascii", "strict").lower()
    except UnicodeError:
        return Refused("the host is not plain ASCII")
    name = decoded.removesuffix(".")
    if len(name) > 253 or not _NAME.fullmatch(name):
        return Refused(_NOT_PLAIN)
    last = name.rpartition(".")[2]
    if last.isdigit() or re.fullmatch(r"0x[0-9a-f]*", last):
        return _ip4(name)
    return name


def _ip4(name: str) -> str | Refused:
    """The number forms that browsers take: 1 to 4 parts, each decimal, octal (0…) or hexadecimal (0x…)."""
    numbers = [_number(part) for part in name.split(".")]
    known = [number for number in numbers if number is not None]
    if len(known) != len(numbers) or len(known) > 4 or any(number > 255 for number in known[:-1]):
        return Refused(_NOT_PLAIN)
    value = known[-1]
    if value >= 256 ** (5 - len(known)):
        return Refused(_NOT_PLAIN)
    for position, number in enumerate(known[:-1]):
        value += number * 256 ** (3 - position)
    return str(ipaddress.IPv4Address(value))


def _number(part: str) -> int | None:
    if len(part) > 16:
        return None
    try:
        if part.startswith("0x"):
            return int(part[2:] or "0", 16)
        return int(part, 8 if part.startswith("0") and len(part) > 1 else 10)
    except ValueError:
        return None


def _ip6(text: str) -> str | Refused:
    try:
        address = ipaddress.IPv6Address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        return Refused(_NOT_PLAIN)
    return address.compressed if text.endswith("]") and address.scope_id is None else Refused(_NOT_PLAIN)


def _as_python(sent: str) -> tuple[str, str, int | None] | None:
    try:
        parts = urlsplit(sent)
        host, port = parts.hostname or "", parts.port
        host = ipaddress.IPv6Address(host).compressed if ":" in host else host.removesuffix(".")
    except ValueError:
        return None
    return parts.scheme, host, port


def _listed(host: str, entry: str) -> bool:
    entry = entry.lower().removesuffix(".")
    if entry.startswith("*."):
        return host.endswith(entry[1:]) and len(host) >= len(entry) and not _is_address(host)
    return host == entry.strip("[]")


def _is_address(host: str) -> bool:
    return ":" in host or host.rpartition(".")[2].isdigit()


def _written(read: _Read) -> str:
    host = f"[{read.host}]" if ":" in read.host else read.host
    port = f":{read.port}" if read.port not in (None, _DEFAULT_PORTS[read.scheme]) else ""
    path, mark, rest = _split_path(read.rest)
    return f"{read.scheme}://{host}{port}{_without_dots(path)}{mark}{rest}"


def _split_path(text: str) -> tuple[str, str, str]:
    found = re.search(r"[?#]", text)
    return (text, "", "") if found is None else (text[: found.start()], found[0], text[found.end() :])


def _without_dots(path: str) -> str:
    """As browsers resolve a path: backslashes are slashes, `%2e` is a dot."""
    kept: list[str] = []
    segments = path.replace("\\", "/").split("/")[1:] or [""]
    for number, segment in enumerate(segments):
        plain = segment.lower().replace("%2e", ".")
        last = number == len(segments) - 1
        if plain == "..":
            kept = kept[:-1]
        elif plain != ".":
            kept.append(segment)
        if last and plain in (".", ".."):
            kept.append("")
    return "/" + "/".join(kept)
