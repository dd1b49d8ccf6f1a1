"""Messages out of the house: e-mail by SMTP, webhooks signed as Standard Webhooks has it (`v1`, HMAC-SHA256).

A webhook goes to public addresses and to `FETCH_ALLOW` alone; its name is resolved once and that address connected, no
redirect is followed, plain http reaches loopback only (CONTRACTS section 5, Fetches).
"""

import base64
import hashlib
import hmac
import http.client
import smtplib
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import unquote, urlsplit

from controlplane.notices.messages import Message
from enforcer.contract.addresses import AddressRules, rules_for, url_problem

TIMEOUT_S = 3.0
SMTP_TIMEOUT_S = 10.0
SMTP, SMTPS = 587, 465


class NotSent(Exception):  # noqa: N818 - the usual way, not an error of ours
    """Why, without any secret."""


@dataclass(frozen=True, slots=True)
class Channels:
    """Where to, and with what. `email_url`: `smtp://USER@HOST:587` (STARTTLS) or `smtps://`; files hold secrets."""

    emails: tuple[str, ...] = ()
    webhooks: tuple[str, ...] = ()
    email_url: str = ""
    email_from: str = ""
    email_password_file: Path | None = None
    secret_file: Path | None = None
    fetch_allow: tuple[str, ...] = ()

    @property
    def places(self) -> tuple[str, ...]:
        """Everybody who is told."""
        return (*self.emails, *self.webhooks)

    def send(self, place: str, message: Message) -> None:
        """Raises `NotSent`."""
        if place in self.webhooks:
            self._post(place, message)
        elif place in self.emails:
            self._mail(place, message)
        else:
            raise NotSent("it is not among the places to be told any more")

    def _mail(self, to: str, message: Message) -> None:
        parts = urlsplit(self.email_url)
        try:
            mail = EmailMessage()
            mail["Subject"], mail["From"], mail["To"] = message.subject, self.email_from, to
            mail["Message-ID"] = f"<{message.id}.{message.event}@drawbridge>"
            mail.set_content(message.body)
            with self._smtp(parts.scheme, parts.hostname or "", parts.port) as smtp:
                if parts.username:
                    smtp.login(unquote(parts.username), _secret(self.email_password_file))
                smtp.send_message(mail)
        except (OSError, ValueError, smtplib.SMTPException) as problem:
            raise NotSent(f"mail server: {type(problem).__name__}") from None

    @staticmethod
    def _smtp(scheme: str, host: str, port: int | None) -> smtplib.SMTP:
        """Encrypted, but on this machine."""
        context = _trusting()
        if scheme == "smtps":
            return smtplib.SMTP_SSL(host, port or SMTPS, timeout=SMTP_TIMEOUT_S, context=context)
        made = smtplib.SMTP(host, port or SMTP, timeout=SMTP_TIMEOUT_S)
        if host not in ("127.0.0.1", "localhost", "::1"):
            made.starttls(context=context)
        return made

    def _post(self, url: str, message: Message) -> None:
        rules = rules_for(url, [ip_network(text) for text in self.fetch_allow])
        if (problem := url_problem(url, rules)) is not None:
            raise NotSent(f"the URL {problem}")
        id_, at = f"{message.id}.{message.event}", str(int(time.time()))
        secret = _secret(self.secret_file)
        try:
            headers = {
                "Content-Type": "application/json",
                "User-Agent": "drawbridge",
                "webhook-id": id_,
                "webhook-timestamp": at,
                "webhook-signature": signature(secret, id_, at, message.json),
            }
            status = _request(url, message.json, headers, rules)
        except (OSError, ValueError, http.client.HTTPException) as trouble:
            raise NotSent(f"webhook: {type(trouble).__name__}") from None
        if not 200 <= status < 300:
            raise NotSent(f"webhook: answered {status}")


def signature(secret: str, id_: str, at: str, body: bytes) -> str:
    """`v1,BASE64`; the secret is used as Standard Webhooks says: base64 after `whsec_`, any other text as it is."""
    key = base64.b64decode(secret.removeprefix("whsec_")) if secret.startswith("whsec_") else secret.encode()
    digest = hmac.new(key, b".".join((id_.encode(), at.encode(), body)), hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def _secret(file: Path | None) -> str:
    try:
        return file.read_text().strip() if file is not None else ""
    except OSError as problem:
        raise NotSent(f"its secret can't be read: {problem.strerror}") from None


def _request(url: str, body: bytes, headers: Mapping[str, str], rules: AddressRules) -> int:
    """The status; the answer's body is not read."""
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    address = _permitted(host, port, rules)
    made = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    try:
        plain = socket.create_connection((address, port), timeout=TIMEOUT_S)
        made.sock = _trusting().wrap_socket(plain, server_hostname=host) if secure else plain
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        made.request("POST", path, body, dict(headers))
        return made.getresponse().status
    finally:
        made.close()


def _trusting() -> ssl.SSLContext:
    """What the world's servers show counts, too, where `SSL_CERT_FILE` names the authority of this installation."""
    context = ssl.create_default_context()
    usual = Path(ssl.get_default_verify_paths().openssl_capath or "/nowhere")
    if usual.is_dir():
        context.load_verify_locations(capath=str(usual))
    return context


def _permitted(host: str, port: int, rules: AddressRules) -> str:
    found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    allowed = [address for address in found if rules.permits(address)]
    if not allowed:
        raise NotSent("webhook: no address that is public or in FETCH_ALLOW")
    return allowed[0]
