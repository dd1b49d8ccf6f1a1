"""Whom the internal authority can vouch for, tried with real handshakes."""

import socket
import ssl
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.certificates import LIFE, RENEW_BEFORE, Pair, issue, make_authority, read_pair, still_good, utc_now

NAMES = ["web", "localhost"]


def handshake(authority: Pair, server: Pair, name: str, home: Path, *, more: str = "") -> None:
    """A client that trusts the authority alone meets the server under that name; `more` is sent behind its own."""
    (home / "crt").write_text(server.certificate_pem + more)
    (home / "key").write_text(server.key_pem)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(home / "crt", home / "key")
    calling = ssl.create_default_context(cadata=authority.certificate_pem)
    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            serving.wrap_socket(theirs, server_side=True).close()
        except OSError:  # what the client says to a certificate that it doesn't believe
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        calling.wrap_socket(ours, server_hostname=name).close()
    finally:
        ours.close()
        thread.join()


@pytest.fixture(scope="module")
def authority() -> Pair:
    return make_authority(NAMES, utc_now())


@pytest.mark.parametrize("name", ["web", "localhost", "127.0.0.1"])
def test_a_server_is_believed_under_its_names(authority: Pair, tmp_path: Path, name: str) -> None:
    handshake(authority, issue(authority, NAMES, utc_now()), name, tmp_path)


def test_a_server_is_not_believed_under_another_name(authority: Pair, tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        handshake(authority, issue(authority, ["web"], utc_now()), "localhost", tmp_path)


def test_the_authority_is_believed_for_no_foreign_name(authority: Pair, tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        handshake(authority, issue(authority, ["bank.example"], utc_now()), "bank.example", tmp_path)


def test_the_authority_of_another_installation_is_not_believed(authority: Pair, tmp_path: Path) -> None:
    foreign = issue(make_authority(NAMES, utc_now()), NAMES, utc_now())
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(authority, foreign, "web", tmp_path)


def test_a_server_vouches_for_nobody(authority: Pair, tmp_path: Path) -> None:
    server = issue(authority, NAMES, utc_now())
    forged = issue(server, ["localhost"], utc_now())
    with pytest.raises(ssl.SSLCertVerificationError, match="invalid CA certificate"):
        handshake(authority, forged, "localhost", tmp_path, more=server.certificate_pem)


def test_a_certificate_is_good_until_half_of_its_life_is_over(authority: Pair) -> None:
    now = utc_now()
    made = issue(authority, NAMES, now)
    due = now + LIFE - RENEW_BEFORE
    assert still_good(made, authority, due - timedelta(minutes=1))
    assert not still_good(made, authority, due + timedelta(minutes=1))
    assert not still_good(made, make_authority(NAMES, now), now)


def test_a_key_beside_another_keys_certificate_is_no_pair(authority: Pair) -> None:
    one, other = issue(authority, NAMES, utc_now()), issue(authority, NAMES, utc_now())
    with pytest.raises(ValueError, match="not of this key"):
        read_pair(one.certificate_pem, other.key_pem)
    assert read_pair(one.certificate_pem, one.key_pem).certificate == one.certificate
