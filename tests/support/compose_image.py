"""The Dockerfile as values: its stages, what they copy, set and start. It knows the words that our file uses."""

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILE = ROOT / "Dockerfile"


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction on one line."""

    word: str
    rest: str


@dataclass(frozen=True, slots=True)
class Stage:
    """From one FROM to the next."""

    name: str
    base: str
    instructions: list[Instruction] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Copy:
    """From the build context, or from another stage, to an absolute path."""

    sources: list[str]
    target: str
    stage: str


class Image:
    """A target with everything that it inherits."""

    def __init__(self, target: str) -> None:
        self.instructions = [one for stage in reversed(_lineage(target)) for one in stage.instructions]

    @property
    def environment(self) -> dict[str, str]:
        """ENV."""
        words = [word for one in self._of("ENV") for word in shlex.split(one.rest)]
        return dict(word.split("=", 1) for word in words)

    @property
    def workdir(self) -> str:
        """The last WORKDIR."""
        given = self._of("WORKDIR")
        return given[-1].rest if given else "/"

    @property
    def user(self) -> str:
        """The last USER."""
        return self._of("USER")[-1].rest

    @property
    def entrypoint(self) -> list[str]:
        """The last ENTRYPOINT."""
        return _words(self._of("ENTRYPOINT"))

    @property
    def command(self) -> list[str]:
        """The last CMD."""
        return _words(self._of("CMD"))

    @property
    def health(self) -> list[str]:
        """The command of the last HEALTHCHECK."""
        return [str(word) for word in json.loads(self._of("HEALTHCHECK")[-1].rest.partition("CMD ")[2])]

    @property
    def collects_static_files(self) -> str:
        """The build's command for it; nothing in an image without pages."""
        return next((one.rest for one in self._of("RUN") if "collectstatic" in one.rest), "")

    @property
    def copies(self) -> list[Copy]:
        """In order."""
        return [_copy(one.rest, self.workdir) for one in self._of("COPY")]

    @property
    def directories(self) -> dict[str, int]:
        """What `install --directory` makes for user 999, with its mode: where a volume may be mounted."""
        found: dict[str, int] = {}
        for one in self._of("RUN"):
            for command in one.rest.split("&&"):
                words = shlex.split(command)
                if words[:2] == ["install", "--directory"]:
                    options, paths = words[2:8], words[8:]
                    assert options[:5] == ["--owner", "999", "--group", "999", "--mode"], options
                    found |= dict.fromkeys(paths, int(options[5], 8))
        return found

    def _of(self, word: str) -> list[Instruction]:
        return [one for one in self.instructions if one.word == word]


def stages() -> dict[str, Stage]:
    """By name, in order."""
    made: dict[str, Stage] = {}
    arguments: dict[str, str] = {}
    for one in instructions():
        if one.word == "ARG" and not made:
            name, _, value = one.rest.partition("=")
            arguments[name] = value
        elif one.word == "FROM":
            base, name = re.fullmatch(r"(\S+) AS (\S+)", one.rest).groups()  # type: ignore[union-attr]
            made[name] = Stage(name, re.sub(r"\$\{(\w+)\}", lambda found: arguments[found.group(1)], base))
        else:
            list(made.values())[-1].instructions.append(one)
    return made


def instructions() -> list[Instruction]:
    """The whole file, without comments, continued lines joined."""
    lines = [line for line in FILE.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\s*\\\n\s*", " ", "\n".join(lines))
    return [Instruction(*line.split(None, 1)) for line in joined.splitlines() if line.strip()]


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps a path out of the build context: the last line that fits decides."""
    out = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line and not line.startswith("#") and _fits(line.removeprefix("!"), path):
            out = not line.startswith("!")
    return out


def _fits(pattern: str, path: str) -> bool:
    if pattern == "*":
        return True
    if pattern.startswith("**/"):
        return pattern[3:] in path.split("/")
    return path == pattern or path.startswith(pattern + "/")


def _lineage(target: str) -> list[Stage]:
    """The stage and what it builds on, up to the one that starts from somebody else's image."""
    all_stages = stages()
    found = [all_stages[target]]
    while found[-1].base in all_stages:
        found.append(all_stages[found[-1].base])
    return found


def _copy(rest: str, workdir: str) -> Copy:
    words = shlex.split(rest)
    stage = words.pop(0).removeprefix("--from=") if words[0].startswith("--from=") else ""
    target = words[-1]
    return Copy(words[:-1], target if target.startswith("/") else f"{workdir}/{target.removeprefix('./')}", stage)


def _words(found: list[Instruction]) -> list[str]:
    return [str(word) for word in json.loads(found[-1].rest)] if found else []
