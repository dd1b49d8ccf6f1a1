"""What is wrong with the enforcer's TOML file, in our words: from msgspec's sentence to key and sentence."""

import difflib
import re

import msgspec

from enforcer import toml_lines
from enforcer.config_file import ControlPlane, File, Redis, Tls, Upstream


class WrongError(Exception):
    """What is wrong at a key, until the line is known."""

    def __init__(self, key: toml_lines.Path, sentence: str) -> None:
        self.key, self.sentence = key, sentence


def translate(problem: str) -> tuple[toml_lines.Path, str]:
    """From msgspec's sentence to our key and ours."""
    sentence, _, where = problem.partition(" - at `$")
    path = _path(where.removesuffix("`"))
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", sentence):
        known = _fields_at(path)
        near = difflib.get_close_matches(unknown.group(1), known, n=1)
        right = f"did you mean {near[0]}?" if near else "known here: " + ", ".join(known)
        return (*path, unknown.group(1)), f"unknown key; {right}"
    if missing := re.fullmatch(r"Object missing required field `(.*)`", sentence):
        return (*path, missing.group(1)), "is missing; write it as `enroll` prints it"
    if typed := re.fullmatch(r"Expected `(.*)`, got `(.*)`", sentence):
        expected, got = (_words(name) for name in typed.groups())
        return path, f"is {got}; write {expected}"
    return path, f"{sentence}; see the reference of this file"


def _words(kind: str) -> str:
    names = {
        "str": "a string",
        "int": "a whole number",
        "bool": "true or false",
        "array": "a list",
        "object": "a table",
    }
    return names.get(kind, f"a {kind}")


def _path(text: str) -> toml_lines.Path:
    parts = re.findall(r"\.([A-Za-z0-9_-]+)|\[(\d*)(?:\.\.\.)?\]", text)
    return tuple(name or (int(index) if index else 0) for name, index in parts)


def _fields_at(path: toml_lines.Path) -> list[str]:
    tables: dict[str, type[msgspec.Struct]] = {
        "tls": Tls,
        "control_plane": ControlPlane,
        "policy_redis": Redis,
        "receipts_redis": Redis,
        "upstream": Upstream,
    }
    return [f.name for f in msgspec.structs.fields(tables[str(path[0])] if path else File)]


def dotted(path: toml_lines.Path) -> str:
    """`("upstream", 1, "url")` → `upstream[1].url`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
