"""An environment that holds exactly what a lock file names, made of links into the environment of the tests.

So that a module which the image would lack can't be imported; installing for real would take minutes.
"""

import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
BESIDE = ("..", "__pycache__")
SCRIPT = """#!/usr/bin/env python
import sys
from enforcer.cli import main
sys.exit(main())
"""


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


def build_project(home: Path, copied: Sequence[str]) -> Path:
    """The wheel of our own distribution, made of what the Dockerfile copies for it, as the Dockerfile makes it."""
    project = home / "project"
    for name in copied:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, project / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            project.mkdir(exist_ok=True)
            shutil.copy(source, project)
    make = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*make, "--wheel-dir", home / "wheels", project], check=True, timeout=60)
    (wheel,) = (home / "wheels").iterdir()
    return wheel


def install_wheel(wheel: Path, environment: Path) -> None:
    """Its files, and its command."""
    (packages,) = (environment / "lib").glob("python3*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    script = environment / "bin" / "enforcer"
    script.write_text(SCRIPT)
    script.chmod(0o755)


def locked(lock: Path) -> list[str]:
    """The packages of a lock file that this machine needs."""
    lines = re.findall(r"^([a-z0-9].*?) \\$", lock.read_text(), re.MULTILINE)
    wanted = [Requirement(line) for line in lines]
    return [one.name for one in wanted if one.marker is None or one.marker.evaluate()]


def _entries(package: Distribution) -> Iterator[Path]:
    """What it put directly into site-packages."""
    tops = {file.parts[0] for file in package.files or []} - set(BESIDE)
    return (Path(str(package.locate_file(top))).resolve() for top in sorted(tops))
