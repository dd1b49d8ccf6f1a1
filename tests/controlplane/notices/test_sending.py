"""Real messages to real servers on this machine."""

import base64
import email
import hashlib
import hmac
import json
import socket
from dataclasses import replace
from datetime import UTC, datetime
from email import policy
from pathlib import Path

import pytest

from controlplane.notices.messages import Message
from controlplane.notices.sending import Channels, NotSent, signature
from tests.controlplane.notices.receivers import mail_server, webhook

AT = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
OPENED = Message(
    "notice-1",
    "opened",
    "enforcer_silent",
    "edge-1",
    "edge-1 was last heard of at 07:59:20 UTC",
    AT,
    None,
    "https://d/",
)
SECRET = "whsec_" + base64.b64encode(b"k" * 24).decode()


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    file.write_text(SECRET + "\n")
    return file


def test_a_webhook_is_signed_as_the_standard_says(secret: Path) -> None:
    with webhook() as hook:
        Channels(webhooks=(hook.url,), secret_file=secret, fetch_allow=("127.0.0.0/8",)).send(hook.url, OPENED)
    ((path, headers, body),) = hook.came
    assert path == "/hooks/s3cret"
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(b"k" * 24, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    said = json.loads(body)
    assert (said["type"], said["data"]["kind"], said["data"]["about"]) == ("notice.opened", "enforcer_silent", "edge-1")
    assert said["data"]["closed_at"] is None


def test_the_signature_is_that_of_the_standards_own_example() -> None:
    # https://www.standardwebhooks.com, the example of the specification's libraries
    made = signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}'
    )
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("status", [302, 404, 500])
def test_any_other_answer_is_not_sent_and_no_redirect_is_followed(secret: Path, status: int) -> None:
    with webhook() as hook:
        hook.status = status
        with pytest.raises(NotSent, match=f"answered {status}"):
            Channels(webhooks=(hook.url,), secret_file=secret, fetch_allow=("127.0.0.0/8",)).send(hook.url, OPENED)
    assert len(hook.came) == 1


def test_nothing_goes_to_an_address_inside_that_nobody_allowed(secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = "https://hooks.example/x"
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.5", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("it was connected"))
    with pytest.raises(NotSent, match="no address that is public or in FETCH_ALLOW"):
        Channels(webhooks=(inside,), secret_file=secret).send(inside, OPENED)


def test_a_server_that_is_away_is_not_sent_and_its_address_is_not_told(secret: Path) -> None:
    with webhook() as hook:
        pass
    with pytest.raises(NotSent) as caught:
        Channels(webhooks=(hook.url,), secret_file=secret, fetch_allow=("127.0.0.0/8",)).send(hook.url, OPENED)
    assert "s3cret" not in str(caught.value)


def test_an_e_mail_says_what_since_when_and_what_to_do() -> None:
    with mail_server() as mailbox:
        Channels(emails=("ops@example.com",), email_url=mailbox.url, email_from="db@example.com").send(
            "ops@example.com", OPENED
        )
    mail = email.message_from_string(mailbox.came[0], policy=policy.default)
    assert mail["Subject"] == "[Drawbridge] An enforcer is silent (edge-1)"
    assert (mail["From"], mail["To"]) == ("db@example.com", "ops@example.com")
    body = mail.get_content()
    assert "edge-1 was last heard of at 07:59:20 UTC" in body
    assert "Since 2026-11-27T08:00:00.000Z" in body
    assert "decommission it" in body


def test_a_mail_server_that_is_away_is_not_sent() -> None:
    with mail_server() as mailbox:
        pass
    with pytest.raises(NotSent, match="mail server: ConnectionRefusedError"):
        Channels(emails=("ops@example.com",), email_url=mailbox.url).send("ops@example.com", OPENED)


def test_whoever_is_no_longer_to_be_told_is_not_told() -> None:
    with pytest.raises(NotSent, match="any more"):
        Channels(emails=("ops@example.com",)).send("gone@example.com", OPENED)


def test_a_secret_that_is_gone_is_said_so(tmp_path: Path) -> None:
    url = "http://127.0.0.1:9/x"
    with pytest.raises(NotSent, match="secret can't be read"):
        Channels(webhooks=(url,), secret_file=tmp_path / "none", fetch_allow=("127.0.0.0/8",)).send(url, OPENED)


def test_what_can_not_be_written_as_a_message_is_not_sent_and_ends_nothing(tmp_path: Path) -> None:
    two_lines = replace(OPENED, about="edge\nBcc: eve@example.com")
    with mail_server() as mailbox, pytest.raises(NotSent, match="ValueError"):
        Channels(emails=("ops@example.com",), email_url=mailbox.url).send("ops@example.com", two_lines)
    assert mailbox.came == []
    bad = tmp_path / "secret"
    bad.write_text("whsec_" + "x" * 25)
    with webhook() as hook, pytest.raises(NotSent, match="Error"):
        Channels(webhooks=(hook.url,), secret_file=bad, fetch_allow=("127.0.0.0/8",)).send(hook.url, OPENED)
    assert hook.came == []
