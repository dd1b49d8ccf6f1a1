"""The ingest worker beside a broker that speaks TLS: not a word, and no password, before the handshake."""

import os
import socket
import sys
from pathlib import Path

import pytest

from tests.support.processes import Program

ROOT = Path(__file__).parents[3]
HANDSHAKE = 0x16  # the first byte of a TLS record that opens a connection; Redis commands start with "*"


@pytest.mark.parametrize(("scheme", "first"), [("rediss", HANDSHAKE), ("redis", ord("*"))])
def test_the_first_byte_to_the_broker_is_of_the_scheme(tmp_path: Path, scheme: str, first: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as broker:
        broker.settimeout(30)
        url = f"{scheme}://ingest:secret@127.0.0.1:{broker.getsockname()[1]}/0"
        worker = Program(
            [sys.executable, "-m", "celery", "--app", "controlplane.receipts.worker", "worker", "--pool", "solo"],
            log=tmp_path / "log",
            env={"PATH": os.environ["PATH"], "RECEIPTS_BROKER_URL": url, "DRAWBRIDGE_DATA_DIR": str(tmp_path)},
            cwd=ROOT,
        )
        try:
            connection, _ = broker.accept()
            with connection:
                connection.settimeout(30)
                assert connection.recv(1)[0] == first
        finally:
            worker.kill()
