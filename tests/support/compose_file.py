"""docker-compose.yml as values: what each service runs, knows, mounts and may talk to, variables at their defaults."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"


@dataclass(frozen=True, slots=True)
class Mount:
    """A named volume at a place."""

    volume: str
    target: str
    read_only: bool


@dataclass(frozen=True, slots=True)
class Service:
    """One entry of `services`; `raw` is all of it, after anchors and variables."""

    name: str
    raw: Mapping[str, Any]

    @property
    def image(self) -> str:
        """Name and tag."""
        return str(self.raw["image"])

    @property
    def target(self) -> str:
        """The stage of the Dockerfile, or nothing for somebody else's image."""
        return str(self.raw.get("build", {}).get("target", ""))

    @property
    def command(self) -> list[str]:
        """Its words; empty where the image's own stands."""
        return [str(word) for word in self.raw.get("command", [])]

    @property
    def entrypoint(self) -> list[str] | None:
        """Its words, where the file replaces the image's."""
        given = self.raw.get("entrypoint")
        return None if given is None else [str(word) for word in given]

    @property
    def environment(self) -> dict[str, str]:
        """Beside the image's."""
        return {str(name): str(value) for name, value in self.raw.get("environment", {}).items()}

    @property
    def mounts(self) -> list[Mount]:
        """Named volumes; the file has no other."""
        return [_mount(str(text)) for text in self.raw.get("volumes", [])]

    @property
    def tmpfs(self) -> list[str]:
        """Where it may write what nobody keeps."""
        return [str(path).partition(":")[0] for path in self.raw.get("tmpfs", [])]

    @property
    def networks(self) -> set[str]:
        """Whom it can reach."""
        return {str(name) for name in self.raw.get("networks", [])}

    @property
    def waits_for(self) -> dict[str, str]:
        """Service and condition."""
        return {str(name): str(how["condition"]) for name, how in self.raw.get("depends_on", {}).items()}

    @property
    def health(self) -> list[str]:
        """The words after CMD; empty where there is no check, or a shell's."""
        test = [str(word) for word in self.raw.get("healthcheck", {}).get("test", [])]
        return test[1:] if test[:1] == ["CMD"] else []

    @property
    def once(self) -> bool:
        """Whether it is a task that ends."""
        return self.raw.get("restart") == "no"


def services() -> dict[str, Service]:
    """All, by name."""
    return {str(name): Service(str(name), raw) for name, raw in whole()["services"].items()}


def whole() -> dict[str, Any]:
    """The file as Compose reads it."""
    read: dict[str, Any] = YAML(typ="safe").load(_interpolated(FILE.read_text()))
    return read


def _interpolated(text: str) -> str:
    """`${NAME:-default}` is the default; any other form would be a setting that a machine must have."""
    plain = re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", text)
    assert not re.search(r"(?<!\$)\$[{A-Za-z]", plain), "a variable without a default"
    return plain.replace("$$", "$")


def _mount(text: str) -> Mount:
    volume, target, *mode = text.split(":")
    return Mount(volume, target, mode == ["ro"])
