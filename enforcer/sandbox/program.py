"""Which directories a command needs to run: its interpreter, its virtual environment, its packages. Nothing wider.

Follows symlinks and `#!` lines as the kernel would. A tree that holds the home directory is never shown: then the file
alone is.
"""

import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from enforcer.sandbox.mounts import contains, is_system
from enforcer.sandbox.plan import Refusal

_MAX_LINKS = 16
_INTERPRETER = re.compile(r"(python|pypy|node|deno|bun|ruby|perl|php|bash|sh)[0-9.]*")
_LONG_SHEBANG = re.compile(rb"'''exec' \"?([^\"\n]+?)\"? \"\$0\"")  # how pip writes a path too long for the kernel
_PROJECT_FILES = ("pyproject.toml", "package.json", "node_modules")


@dataclass(slots=True)
class Program:
    """A command as it is run inside, and the paths it must be able to read."""

    argv: tuple[str, ...]
    roots: list[Path] = field(default_factory=list)
    bin_dirs: list[str] = field(default_factory=list)


def find_program(command: Sequence[str], *, path: str, cwd: Path, home: Path) -> Program | Refusal:
    """Resolve `command` (bare names on `path`) and collect what it needs."""
    if not command:
        return Refusal("the command is empty")
    if "/" in command[0] and not command[0].startswith("/"):
        return Refusal(f"the command {command[0]!r} is a relative path; give the whole path or a name on PATH")
    found = shutil.which(command[0], path=path)
    if found is None:
        return Refusal(f"the command {command[0]!r} was not found or can't be executed")
    search = _Search(path, home)
    executable = search.add_executable(Path(os.path.abspath(found)))  # noqa: PTH100 - resolve() would leave the venv
    search.add_script(executable, command[1:], cwd)
    return Program((str(executable), *command[1:]), search.roots, search.bin_dirs)


class _Search:
    def __init__(self, path: str, home: Path) -> None:
        self.roots: list[Path] = []
        self.bin_dirs: list[str] = []
        self._path = path
        self._home = home

    def add_executable(self, path: Path, depth: int = 0) -> Path:
        """Note what `path` needs; returns the path to execute: later links than a venv's own would leave the venv."""
        hops = _hops(path)
        start = next((n for n, hop in enumerate(hops) if is_system(hop) or _venv(hop)), len(hops) - 1)
        bin_dir = str(hops[start].parent)
        if not is_system(hops[start]) and bin_dir not in self.bin_dirs:
            self.bin_dirs.append(bin_dir)
        for hop in hops[start:]:
            self._add(_installation(hop), hop)
            self._add_venv_base(hop, depth)
        interpreter = _shebang(hops[-1], self._path)
        if interpreter is not None and depth < _MAX_LINKS:
            self.add_executable(interpreter, depth + 1)
        return hops[start]

    def add_script(self, executable: Path, arguments: Sequence[str], cwd: Path) -> None:
        """`python server.py`, `node dist/index.js`: the script, and its project if it has one."""
        if not _INTERPRETER.fullmatch(executable.name):
            return
        script = next((cwd / word for word in arguments if not word.startswith("-")), None)
        if script is not None and script.is_file():
            for hop in _hops(Path(os.path.abspath(script))):  # noqa: PTH100
                self._add(_project(hop), hop)

    def _add_venv_base(self, hop: Path, depth: int) -> None:
        config = _venv(hop)
        base = _venv_home(config) if config else None
        if base is not None and depth < _MAX_LINKS:
            self.add_executable(base / hop.name if (base / hop.name).exists() else base / "python3", depth + 1)

    def _add(self, tree: Path | None, file: Path) -> None:
        root = tree if tree is not None and not self._too_wide(tree) else file
        if not is_system(root) and root not in self.roots:
            self.roots.append(root)

    def _too_wide(self, tree: Path) -> bool:
        # ~/.local looks like an installation, but also holds keyrings and application data.
        return tree.name == ".local" or contains(tree.resolve(), self._home)


def _hops(path: Path) -> list[Path]:
    """`path` and every link that it leads through, each as an absolute path."""
    hops = [path]
    while hops[-1].is_symlink() and len(hops) < _MAX_LINKS:
        target = hops[-1].parent.resolve() / hops[-1].readlink()
        hops.append(target.parent.resolve() / target.name)
    return hops


def _venv(executable: Path) -> Path | None:
    """The `pyvenv.cfg` beside whose `bin` this executable lies."""
    config = executable.parent.parent / "pyvenv.cfg"
    return config if config.is_file() else None


def _venv_home(config: Path) -> Path | None:
    """The directory of the interpreter that the environment was made from."""
    for line in config.read_text("utf-8", "replace").splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "home" and value.strip().startswith("/"):
            return Path(value.strip())
    return None


def _installation(executable: Path) -> Path | None:
    """The tree that an executable was installed with: `X` for `X/bin/name` with `X/lib`, or its `node_modules`."""
    tree = executable.parent.parent
    if executable.parent.name == "bin" and (_venv(executable) or (tree / "lib").is_dir()):
        return tree
    return _node_modules(executable)


def _project(script: Path) -> Path | None:
    """The nearest directory above a script, at most three up, that says it is a project."""
    nearby = list(script.parents)[:3]
    marked = (folder for folder in nearby if any((folder / name).exists() for name in _PROJECT_FILES))
    return _node_modules(script) or next(marked, None)


def _node_modules(file: Path) -> Path | None:
    return next((folder for folder in reversed(file.parents) if folder.name == "node_modules"), None)


def _shebang(file: Path, path: str) -> Path | None:
    """The interpreter that the first line names, `env` looked through; None for a binary."""
    with file.open("rb") as opened:
        head = opened.read(4096)
    if not head.startswith(b"#!"):
        return None
    words = os.fsdecode(head[2:].split(b"\n", 1)[0]).split()
    long_form = _LONG_SHEBANG.search(head)
    if long_form:
        return Path(os.fsdecode(long_form.group(1)))
    if words and Path(words[0]).name == "env":
        name = next((word for word in words[1:] if not word.startswith("-") and "=" not in word), "")
        found = shutil.which(name, path=path)
        return Path(found) if found else None
    return Path(words[0]) if words and Path(words[0]).is_file() else None
