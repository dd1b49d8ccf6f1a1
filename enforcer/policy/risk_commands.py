"""Shell commands that destroy: what a text would do if a shell read it.

CRITICAL: recursive delete or re-permission of the root, a home or a system directory, formatting and raw disk writes, a
download piped into an interpreter, a fork bomb, more commands of these kinds than are looked at. HIGH: any recursive
delete, a forced push, a hard reset.
"""

import re
from collections.abc import Callable, Mapping

from enforcer.contract.levels import Risk

_SEPARATORS = re.compile(r"[\n;|&`()]+")
_SUBSTITUTIONS = ("$(", "<(", "`", "iex")
_NOT_WORDS = re.compile(r"[\s;|&`()<>$]+")
_INTERPRETERS = frozenset(("sh", "bash", "zsh", "dash", "ksh", "fish", "perl", "ruby", "node", "iex", "pwsh"))
_PYTHON = re.compile(r"python[0-9.]*")
_DOWNLOADERS = frozenset(("curl", "wget", "fetch", "nc", "ncat", "iwr", "irm", "base64", "xxd", "invoke-webrequest"))
_DOWNLOADER = re.compile("|".join(sorted(_DOWNLOADERS)))
_PREFIXES = frozenset(("sudo", "doas", "env", "nohup", "exec", "time", "command", "builtin", "xargs"))
QUOTES = str.maketrans("", "", "\"'\\{}")  # what a shell drops from words
_HOME = re.compile(r"(?:~[a-z0-9_-]*|\$home|%userprofile%|/(?:home|users)/[^/]*)/?[*.]?")
_SYSTEM = re.compile(r"/?\*?|/\.|/(?:bin|boot|dev|etc|home|lib|lib64|opt|root|sbin|srv|usr|var|users)/?\*?|[a-z]:/?\*?")
_DISK = re.compile(r"/dev/(?:sd|hd|vd|xvd|nvme|mmcblk|disk|mapper/|dm-)")
MAX_COMMANDS = 5_000
_FORK_BOMB = ":():|:&;:"


def command_risk(text: str) -> Risk | None:
    """The worst that any command in the text does; none where none is known."""
    lowered = text.lower().translate(QUOTES)
    if _FORK_BOMB in lowered.replace(" ", "") or any(_DISK.match(part.lstrip()) for part in lowered.split(">")[1:]):
        return Risk.CRITICAL
    if any(_DOWNLOADER.search(line) and _runs_download(line) for line in re.split(r"[\n;]", lowered)):
        return Risk.CRITICAL
    commands = [command for command in _SEPARATORS.split(lowered) if _KNOWN.search(command)]
    if len(commands) > MAX_COMMANDS:
        return Risk.CRITICAL
    worst: Risk | None = None
    for command in commands:
        found = _worst_of(command.split())
        if found is Risk.CRITICAL:
            return found
        worst = found or worst
    return worst


def _runs_download(line: str) -> bool:
    """`curl … | sh`, and `bash -c "$(curl …)"` or `bash <(curl …)`."""
    downloaded = False
    for command in line.split("|"):
        words = [_program(word) for word in _NOT_WORDS.split(command)]
        if downloaded and _interprets(_first(words)):
            return True
        downloaded = downloaded or not _DOWNLOADERS.isdisjoint(words)
    if not any(mark in line for mark in _SUBSTITUTIONS):
        return False
    words = [_program(word) for word in _NOT_WORDS.split(line)]
    starts = next((n for n, word in enumerate(words) if _interprets(word)), len(words))
    return not _DOWNLOADERS.isdisjoint(words[starts + 1 :])


def _interprets(word: str) -> bool:
    return word in _INTERPRETERS or _PYTHON.fullmatch(word) is not None


def _first(words: list[str]) -> str:
    return next((word for word in words if word and word not in _PREFIXES and "=" not in word and word[0] != "-"), "")


def _program(word: str) -> str:
    return word.rpartition("/")[2].removesuffix(".exe")


def _worst_of(words: list[str]) -> Risk | None:
    """Each known program once, with all that follows it: a later one of the same name is among its arguments."""
    worst: Risk | None = None
    judged: set[Callable[[list[str]], Risk | None]] = set()
    for number, word in enumerate(words):
        program = _program(word)
        judge = _JUDGES.get("mkfs" if program.startswith("mkfs") else program)
        if judge is not None and judge not in judged:
            judged.add(judge)
            found = judge(words[number + 1 :])
            if found is Risk.CRITICAL:
                return found
            worst = found or worst
    return worst


def _has_flag(arguments: list[str], letters: str, *names: str) -> bool:
    """A short flag, alone or among others (`-rf`), or a long one."""
    for argument in arguments:
        short = argument.startswith("-") and not argument.startswith("--") and len(argument) < 8
        if argument in names or (short and any(letter in argument for letter in letters)):
            return True
    return False


def _vital(arguments: list[str]) -> bool:
    return any(_SYSTEM.fullmatch(a) or _HOME.fullmatch(a) for a in arguments if a)


def _delete(arguments: list[str]) -> Risk | None:
    if not _has_flag(arguments, "r", "--recursive", "/s", "-recurse"):
        return None
    vital = _vital(arguments) or "--no-preserve-root" in arguments
    return Risk.CRITICAL if vital else Risk.HIGH


def _change_owner(arguments: list[str]) -> Risk | None:
    return Risk.CRITICAL if _has_flag(arguments, "r", "--recursive") and _vital(arguments) else None


def _find(arguments: list[str]) -> Risk | None:
    deletes = "-delete" in arguments or ("-exec" in arguments and "rm" in map(_program, arguments))
    return None if not deletes else Risk.CRITICAL if _vital(arguments[:1]) else Risk.HIGH


def _write_disk(arguments: list[str]) -> Risk | None:
    return (
        Risk.CRITICAL if any(_DISK.match(a.removeprefix("of=")) for a in arguments if not a.startswith("if=")) else None
    )


def _format(arguments: list[str]) -> Risk | None:
    return Risk.CRITICAL if any(re.fullmatch(r"[a-z]:/?", a) or _DISK.match(a) for a in arguments) else None


def _make_filesystem(arguments: list[str]) -> Risk | None:
    return Risk.CRITICAL if arguments else None


def _git(arguments: list[str]) -> Risk | None:
    if "push" in arguments and (
        _has_flag(arguments, "f", "--force", "--mirror", "--force-with-lease") or any(a[:1] == "+" for a in arguments)
    ):
        return Risk.HIGH
    if "reset" in arguments and "--hard" in arguments:
        return Risk.HIGH
    return Risk.HIGH if "clean" in arguments and _has_flag(arguments, "f", "--force") else None


_JUDGES: Mapping[str, Callable[[list[str]], Risk | None]] = {
    **dict.fromkeys(("rm", "rd", "rmdir", "del", "remove-item"), _delete),
    **dict.fromkeys(("chmod", "chown", "chgrp"), _change_owner),
    **dict.fromkeys(("dd", "shred", "wipefs", "tee", "cp"), _write_disk),
    "find": _find,
    "format": _format,
    "mkfs": _make_filesystem,
    "git": _git,
}
_KNOWN = re.compile(rf"\b(?:{'|'.join(sorted(_JUDGES))})")
