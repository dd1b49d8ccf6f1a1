import json
import socket
import ssl
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.certificates import issue, make_authority, utc_now
from tests.support.processes import free_port
from tests.support.system import System


@pytest.fixture
def listener(system: System, tmp_path: Path) -> Iterator[tuple[int, ssl.SSLContext]]:
    """The port of a gate that speaks TLS, and what trusts its certificate."""
    authority = make_authority(["localhost"], utc_now())
    pair = issue(authority, ["localhost"], utc_now())
    cert, key = tmp_path / "gate.crt", tmp_path / "gate.key"
    cert.write_text(pair.certificate_pem)
    key.write_text(pair.key_pem)
    behind = system.gates["gate"].file.read_text().split("[[upstream]]")[1]
    url = next(line.split('"')[1] for line in behind.splitlines() if line.startswith("url"))
    port = free_port()
    done = system.manage(
        "enroll", "tls-gate", "--server", "ledger", "--upstream", url, "--listen", f"127.0.0.1:{port}",
        "--data-dir", str(tmp_path / "tls-gate"), "--tls", str(cert), str(key),
    )  # fmt: skip
    assert done.code == 0, done
    file = tmp_path / "tls-gate.toml"
    file.write_text(done.out)
    gate = system.open_gate(file)
    yield port, ssl.create_default_context(cadata=authority.certificate_pem)
    gate.program.stop()


def test_TLS_01_a_connection_without_TLS_is_rejected_and_one_with_it_served(
    listener: tuple[int, ssl.SSLContext],
) -> None:
    port, trusting = listener
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        plain.sendall(f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        plain.settimeout(10)
        try:
            heard = plain.recv(4096)
        except ConnectionResetError:
            heard = b""
    assert not heard.startswith(b"HTTP/")
    with urllib.request.urlopen(f"https://127.0.0.1:{port}/healthz", context=trusting, timeout=10) as answer:
        assert json.load(answer) == {"status": "alive"}


def test_TLS_01_the_enforcer_does_not_start_in_plaintext_on_a_public_address(system: System, tmp_path: Path) -> None:
    text = system.gates["gate"].file.read_text()
    listen = next(line for line in text.splitlines() if line.startswith("listen"))
    file = tmp_path / "public.toml"
    file.write_text(text.replace(listen, f'listen = "0.0.0.0:{free_port()}"'))
    done = system.enforcer("run", str(file))
    assert (done.code, done.out) == (2, "")
    assert "listen: " in done.err
    assert "plaintext beyond this machine" in done.err
