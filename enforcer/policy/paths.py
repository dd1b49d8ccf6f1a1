"""A path argument against the workspace (DESIGN section 5): what can be read in two ways is refused.

A server may decode, normalise or expand a path before it opens it. So every reading is made, each of each other until
nothing new comes: percent-decoding, backslashes as slashes, Unicode compatibility, blanks trimmed, a `file:` URL. All
must stay inside, step by step. Refused at once in any reading: NUL, `~` and `$VAR` (only who expands them knows where
they lead), a drive letter, a UNC prefix, over-long names. A path whose encoding hides a `..`, a separator or plain
letters is refused too: a constraint would judge another path than the server opens.

Pure: `real` is the caller's way to the disk. It follows the symbolic links of the longest part that exists.
"""

import json
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import unquote_to_bytes

MAX_BYTES = 4096
MAX_COMPONENT_BYTES = 255
_MAX_READINGS = 32
_FILE_URL = re.compile(r"file:(?://(?P<host>[^/\\?#]*))?(?P<path>.*)", re.IGNORECASE | re.DOTALL)
_VARIABLE = re.compile(r"\$[A-Za-z0-9_{(]")
_PLAIN = re.compile(r"[A-Za-z0-9_./-]{0,4096}")  # reads one way only
_DRIVE = re.compile(r"/*[A-Za-z]:")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_NEVER_ESCAPED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/\\")
_DROPPED_IN_URLS = str.maketrans("", "", "\t\n\r")

Real: TypeAlias = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Resolved:
    """Inside the workspace. `relative` uses `/`; the workspace itself is `.`."""

    relative: str
    absolute: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Why, without the path."""

    detail: str


PathVerdict: TypeAlias = Resolved | Refused


def check_path(sent: str, *, workspace: str, real: Real | None) -> PathVerdict:
    """Where the path leads. `real` gives a path without symbolic links, none on a loop; none: decide by name alone."""
    if not workspace.startswith("/"):
        return Refused("the workspace is not an absolute path")
    root = _fold("/", workspace)
    readings = _readings(sent)
    if isinstance(readings, Refused):
        return readings
    refused = next((why for reading in readings if (why := _flaw(reading))), None) or _hidden(readings)
    if refused is not None:
        return Refused(refused)
    if not all(_stays_inside(root, reading) for reading in readings):
        return Refused("leads out of the workspace")
    meant = _meant(sent)
    return _resolved(_fold(root, meant), root) if real is None else _on_disk([meant, *readings], root, real)


def _on_disk(readings: list[str], root: str, real: Real) -> PathVerdict:
    """Each reading as the kernel walks it and as a program that folds `..` first does; the first is what is meant."""
    real_root = real(root)
    if real_root is None:
        return Refused("the workspace can't be resolved")
    verdicts: list[Resolved] = []
    for reading in dict.fromkeys(readings):
        walked = _walk(root, reading, real_root, real)
        if isinstance(walked, Refused):
            return walked
        if ".." in _parts(reading) and real(_fold(root, reading)) != walked:
            return Refused("leads to two places, by a symbolic link before ..")
        verdicts.append(_resolved(walked, real_root))
    return verdicts[0]


def _walk(root: str, path: str, real_root: str, real: Real) -> str | Refused:
    """Where the kernel ends: at a `..`, links before it have been followed. Nothing on the way may be outside."""
    at = ""
    for part in [*_parts(_joined(root, path)), "."]:
        if part not in ("..", "."):
            at += f"/{part}"
            continue
        place = real(at or "/")
        if place is None:
            return Refused("a symbolic link that can't be followed, or a loop of them")
        if not _is_inside(place, real_root):
            return Refused("a symbolic link leads out of the workspace")
        at = place if part == "." else place.rpartition("/")[0]
    return at


def _meant(sent: str) -> str:
    """The reading of a `file:` URL is the path in it; of anything else the text itself."""
    url = _FILE_URL.fullmatch(sent.strip().translate(_DROPPED_IN_URLS))
    if url is None:
        return sent
    return unquote_to_bytes(re.split(r"[?#]", url["path"], maxsplit=1)[0]).decode("utf-8", "strict")


def _readings(sent: str) -> list[str] | Refused:
    """The text as sent, then every other way to read it."""
    found = [sent]
    if _PLAIN.fullmatch(sent):
        return found
    for reading in found:
        if len(reading) > MAX_BYTES:
            return Refused(f"longer than {MAX_BYTES} bytes")
        others = _read_again(reading)
        if isinstance(others, Refused):
            return others
        found += [other for other in dict.fromkeys(others) if other not in found]
        if len(found) > _MAX_READINGS:
            return Refused("can be read in too many ways")
    return found


def _read_again(reading: str) -> list[str] | Refused:
    others = []
    url = _FILE_URL.fullmatch(reading.strip().translate(_DROPPED_IN_URLS))
    if url is not None:
        if (url["host"] or "").lower() not in ("", "localhost"):
            return Refused("a file: URL of another host")
        others += [url["path"], re.split(r"[?#]", url["path"], maxsplit=1)[0]]
    if _ESCAPE.search(reading):
        try:
            others.append(unquote_to_bytes(reading).decode("utf-8", "strict"))
        except UnicodeError:
            return Refused("percent-decoding gives no UTF-8")
    others.append(reading.replace("\\", "/"))
    if not reading.isascii():
        others.append(unicodedata.normalize("NFKC", reading))
    others.append("/".join(part.strip() for part in reading.split("/")))
    return others


def _flaw(reading: str) -> str | None:
    """What is refused wherever it leads."""
    try:
        size = len(reading.encode("utf-8", "strict"))
    except UnicodeEncodeError:
        return "not Unicode text"
    if "\0" in reading:
        return "holds NUL"
    if size > MAX_BYTES:
        return f"longer than {MAX_BYTES} bytes"
    if any(len(part.encode()) > MAX_COMPONENT_BYTES for part in reading.split("/")):
        return f"a name in it is longer than {MAX_COMPONENT_BYTES} bytes"
    if reading.startswith("~"):
        return "~ is a home directory to some programs"
    if _VARIABLE.search(reading):
        return "$ names a variable to some programs"
    if reading.startswith(("//", "\\\\")):
        return "a network path (UNC) to some programs"
    if _DRIVE.match(reading):
        return "a drive letter to some programs"
    return "a JSON text, which some programs read as a list" if _is_json(reading) else None


def _is_json(reading: str) -> bool:
    if not reading.strip().startswith(("[", "{")):
        return False
    try:
        json.loads(reading)
    except RecursionError:
        return True
    except ValueError:
        return False
    return True


def _hidden(readings: list[str]) -> str | None:
    """Refuse an encoding that has no purpose but to hide."""
    if any(int(code, 16) in _NEVER_ESCAPED for reading in readings for code in _ESCAPE.findall(reading)):
        return "its percent-encoding hides plain characters"
    plain = readings[0].split("/").count("..")
    if any(reading.split("/").count("..") > plain for reading in readings):
        return "hides a .. that shows only once it is decoded"
    unusual = {character for reading in readings for character in reading if character > "\x7f"}
    if any("/" in unicodedata.normalize("NFKC", character) for character in unusual):
        return "hides a / that shows only once it is normalised"
    return None


def _stays_inside(root: str, path: str) -> bool:
    """Whether no `..` takes a step at or above the workspace, and the end is in it."""
    floor = len(_parts(root))
    depth = 0 if path.startswith("/") else floor
    for part in _parts(path):
        if part == ".." and depth <= floor and floor:
            return False
        depth += -1 if part == ".." else 1
    return _is_inside(_fold(root, path), root)


def _fold(root: str, path: str) -> str:
    """The absolute path without `.` and `..`, by name alone."""
    folded: list[str] = []
    for part in _parts(_joined(root, path)):
        if part != "..":
            folded.append(part)
        elif folded:
            folded.pop()
    return "/" + "/".join(folded)


def _joined(root: str, path: str) -> str:
    return path if path.startswith("/") else f"{root}/{path}"


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def _is_inside(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip("/") + "/")


def _resolved(path: str, root: str) -> Resolved:
    return Resolved(path[len(root) :].lstrip("/") or ".", path)
