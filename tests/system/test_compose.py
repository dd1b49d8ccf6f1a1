"""docker-compose.yml as it stands, brought up without an engine: `tests/support/compose.py` says what is real in it.

In order: the last test ends the installation.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.compose import Installation, installation
from tests.support.needs import need_bubblewrap, need_program
from tests.support.processes import wait_for

pytestmark = pytest.mark.timeout(600)  # fifteen processes start, on a machine that may be busy
OURS = ("publisher", "web", "worker", "watch", "enforcer")
GATE = "https://localhost:8801/mcp"


@pytest.fixture(scope="module")
def up() -> Iterator[Installation]:
    """Up, in a directory whose path is short enough for a socket."""
    need_bubblewrap()
    for program in ("nsenter", "unshare"):
        need_program(program)
    home = Path(tempfile.mkdtemp(prefix="drawbridge-compose-", dir="/tmp"))
    try:
        with installation(home, {"PATH": os.environ["PATH"], "HOME": str(home)}) as made:
            yield made
    finally:
        shutil.rmtree(home)


@pytest.fixture(scope="module")
def token(up: Installation) -> Path:
    """A file with a token of ada."""
    done = up.box("manage").manage("issue_token", "ada")
    assert done.returncode == 0, done.stderr
    file = up.home / "ada.token"
    file.write_text(done.stdout.splitlines()[-1])
    return file


def receipts(up: Installation) -> list[dict[str, Any]]:
    done = up.box("manage").manage("receipts", "export", "--settle", "20")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_official_client_passes_the_gate_and_the_receipt_arrives_and_verifies(
    up: Installation, token: Path
) -> None:
    client = up.client("-m", "tests.support.compose_client", GATE, str(token))
    assert client.process.wait(180) == 0, client.output
    told = json.loads(client.output.splitlines()[-1])
    assert (told["tools"], told["is_error"]) == (["get_current_time"], False)
    assert "UTC" in told["text"]

    calls = [one for one in receipts(up) if one.get("mcp", {}).get("method") == "tools/call"]
    assert [(one["enforcer_id"], one["decision"]["result"]) for one in calls] == [("sample", "allow")]
    assert calls[0]["sandbox"] == {"fs_policy": "none", "net_policy": "none"}  # none starts in there, and it says so
    verified = up.box("manage").manage("receipts", "verify")
    assert verified.returncode == 0, verified.stdout
    assert verified.stdout.strip().endswith("chain verified")


def test_a_caller_without_a_token_is_refused(up: Installation) -> None:
    (up.home / "no.token").write_text("nobody")
    client = up.client("-m", "tests.support.compose_client", GATE, str(up.home / "no.token"))
    assert client.process.wait(180) != 0
    assert "signed by nobody this gate trusts" in client.output


@pytest.mark.parametrize("name", OURS)
def test_a_health_check_says_yes(up: Installation, name: str) -> None:
    done = up.boxes[name].run(up.services[name].health)
    assert done.returncode == 0, done.stderr


def test_the_web_finds_every_part_well(up: Installation) -> None:
    ready = ["python", "-m", "deploy.health.url", "https://localhost:8443/readyz"]
    wait_for(lambda: up.boxes["web"].run(ready).returncode == 0, "a control plane that is ready as a whole")


@pytest.mark.parametrize("name", ["web", "enforcer"])
def test_who_does_not_know_the_authority_believes_no_certificate(up: Installation, name: str) -> None:
    blind = ["env", "--unset=SSL_CERT_FILE", *up.services[name].health]
    done = up.boxes[name].run(blind)
    assert done.returncode == 1
    assert "CERTIFICATE_VERIFY_FAILED" in done.stderr


def test_the_pages_come_with_their_style_from_the_image(up: Installation) -> None:
    fetch = (
        "import sys, urllib.request as u; a = u.urlopen(sys.argv[1]); print(a.status, a.url); print(a.read().decode())"
    )
    page = up.boxes["web"].run(["python", "-c", fetch, "https://localhost:8443/admin/login/"])
    assert page.returncode == 0, page.stderr
    styles = [part.split('"')[0] for part in page.stdout.split('href="')[1:] if ".css" in part.split('"')[0]]
    assert styles
    style = up.boxes["web"].run(["python", "-c", fetch, f"https://localhost:8443{styles[0]}"])
    assert style.stdout.startswith("200 "), style.stderr


@pytest.mark.parametrize("name", OURS)
def test_a_service_is_not_root_and_writes_nowhere_but_into_its_volumes(up: Installation, name: str) -> None:
    writable = {"/tmp", *(mount.target for mount in up.services[name].mounts if not mount.read_only)}
    tried = sorted({"/", "/app", "/etc", "/usr", "/opt/drawbridge", "/run/drawbridge/trust", *writable})
    script = 'id -u; for at in "$@"; do touch "$at/probe" 2>&- && rm "$at/probe" && echo "$at"; done; true'
    done = up.boxes[name].run(["sh", "-c", script, "sh", *tried])
    user, *wrote = done.stdout.splitlines()
    assert (user, set(wrote)) == ("999", writable)


@pytest.mark.parametrize("name", OURS)
def test_a_running_service_has_no_capability_and_no_way_to_one(up: Installation, name: str) -> None:
    lines = Path(f"/proc/{up.running[name].pid}/status").read_text().splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    assert {int(status[kind], 16) for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {0}
    assert status["NoNewPrivs"] == "1"


def test_no_password_stands_in_a_log_an_environment_or_a_command_line(up: Installation) -> None:
    passwords = json.loads(up.secret("init", "passwords.json")).values()
    seen = {str(log): log.read_text(errors="replace") for log in up.home.glob("*.log")}
    for name, running in up.running.items():
        for kind in ("environ", "cmdline"):
            seen[f"{kind} of {name}"] = Path(f"/proc/{running.pid}/{kind}").read_text(errors="replace")
    assert len(seen) > len(OURS)
    assert not [where for where, text in seen.items() for password in passwords if password in text]


def test_the_application_role_can_neither_change_the_schema_nor_a_receipt(up: Installation) -> None:
    url = up.secret("web", "database.url")
    script = "import psycopg, sys\nwith psycopg.connect(sys.argv[1]) as c: c.execute(sys.argv[2])"
    for statement in ("CREATE TABLE more ()", "UPDATE receipts_receipt SET line = ''", "TRUNCATE receipts_receipt"):
        done = up.box("manage").run(["python", "-c", script, url, statement])
        assert done.returncode == 1, statement
        assert "InsufficientPrivilege" in done.stderr or "append-only" in done.stderr, done.stderr


def test_a_second_start_changes_no_secret_and_enrols_nobody_again(up: Installation) -> None:
    def kept() -> dict[str, bytes]:
        found = [path for path in (up.home / "volumes").rglob("*") if path.is_file() and "data" not in str(path)]
        return {str(path): path.read_bytes() for path in found if path.parent.name not in ("sample", "keys")}

    before = kept()
    for name in ("init", "migrate", "enrol"):
        done = up.boxes[name].run()
        assert done.returncode == 0, done.stderr
    assert kept() == before


def test_lost_passwords_are_told_and_not_made_anew(up: Installation) -> None:
    path = up.disk.volume("init") / "passwords.json"
    away = path.rename(up.home / "away.json")
    done = up.boxes["init"].run()
    away.rename(path)
    assert done.returncode == 2
    assert (
        done.stderr
        == "/volumes/init/passwords.json:1: -: is gone, but not the rest; restore the volume from its backup\n"
    )


def test_the_publisher_goes_on_with_its_keys_after_a_restart(up: Installation, token: Path) -> None:
    assert up.running.pop("publisher").stop() == 0
    up.launch("publisher")
    up.wait_healthy("publisher")
    client = up.client("-m", "tests.support.compose_client", GATE, str(token))
    assert client.process.wait(180) == 0, client.output


def test_stop_ends_every_service_in_order_and_cleanly(up: Installation) -> None:
    codes = up.stop()
    assert codes == dict.fromkeys([*OURS, "postgres", "valkey-policy", "valkey-receipts"], 0)
    assert (next(iter(codes)), list(codes)[-1]) == ("enforcer", "valkey-receipts")
