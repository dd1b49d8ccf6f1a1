"""An environment that holds exactly what a lock file names, made of links into the environment of the tests.

So that a module which the image would lack can't be imported; installing for real would take minutes.
"""

import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

BESIDE = ("..", "__pycache__")


def link_environment(lock: Path, home: Path) -> None:
    """`home/bin/python` and `home/lib/python3.x/site-packages`."""
    packages = home / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    packages.mkdir(parents=True)
    (home / "bin").mkdir()
    base = Path(sys.base_prefix) / "bin"
    (home / "pyvenv.cfg").write_text(f"home = {base}\ninclude-system-site-packages = false\n")
    for name in ("python", "python3"):
        (home / "bin" / name).symlink_to(base / f"python{sys.version_info.major}.{sys.version_info.minor}")
    for name in locked(lock):
        for source in _entries(distribution(name)):
            link = packages / source.name
            if not link.exists():
                link.symlink_to(source)


def locked(lock: Path) -> list[str]:
    """The packages of a lock file that this machine needs."""
    lines = re.findall(r"^([a-z0-9].*?) \\$", lock.read_text(), re.MULTILINE)
    wanted = [Requirement(line) for line in lines]
    return [one.name for one in wanted if one.marker is None or one.marker.evaluate()]


def _entries(package: Distribution) -> Iterator[Path]:
    """What it put directly into site-packages."""
    tops = {file.parts[0] for file in package.files or []} - set(BESIDE)
    return (Path(str(package.locate_file(top))).resolve() for top in sorted(tops))
