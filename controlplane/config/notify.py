"""Whom notices are told: `NOTIFY_*` and `EMAIL_*` of the environment. Secrets are in files."""

from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

from controlplane.config.problem import EnvironmentProblemError
from controlplane.notices.sending import Channels, signature
from enforcer.contract.addresses import rules_for, url_problem

SHORTEST_SECRET = 24


def read_channels(environ: Mapping[str, str], fetch_allow: tuple[str, ...]) -> Channels:
    """Nobody where nothing is given; raises `EnvironmentProblemError`."""
    emails, webhooks = _listed(environ, "NOTIFY_EMAIL"), _listed(environ, "NOTIFY_WEBHOOK")
    for email in emails:
        if email.count("@") != 1 or not email.isprintable() or " " in email:
            raise EnvironmentProblemError("NOTIFY_EMAIL", f"{email!r} is no address; write them like ops@example.com")
    for url in webhooks:
        problem = url_problem(url, rules_for(url, [ip_network(text) for text in fetch_allow]))
        if problem is not None:
            raise EnvironmentProblemError("NOTIFY_WEBHOOK", f"an entry {problem}; write https://HOST/PATH")
    return Channels(
        emails=emails,
        webhooks=webhooks,
        email_url=_email_url(environ.get("EMAIL_URL", ""), needed=bool(emails)),
        email_from=environ.get("EMAIL_FROM", "") or "drawbridge@localhost",
        email_password_file=_file(environ, "EMAIL_PASSWORD_FILE"),
        secret_file=_secret_file(environ, needed=bool(webhooks)),
        fetch_allow=fetch_allow,
    )


def _listed(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in environ.get(name, "").split(",") if part.strip())


def _email_url(text: str, *, needed: bool) -> str:
    if not text and needed:
        raise EnvironmentProblemError("EMAIL_URL", "is missing beside NOTIFY_EMAIL; write smtp://USER@HOST:587")
    try:
        parts = urlsplit(text)
        whole = parts.scheme in ("smtp", "smtps") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, whole = urlsplit(""), False
    if text and not whole:
        raise EnvironmentProblemError(
            "EMAIL_URL", "is no URL of a mail server; write smtp://USER@HOST:587 or smtps://…"
        )
    if parts.password is not None:
        raise EnvironmentProblemError("EMAIL_URL", "holds a password; write it into a file, EMAIL_PASSWORD_FILE")
    return text


def _file(environ: Mapping[str, str], name: str) -> Path | None:
    text = environ.get(name, "")
    return Path(text).absolute() if text else None


def _secret_file(environ: Mapping[str, str], *, needed: bool) -> Path | None:
    file = _file(environ, "NOTIFY_SECRET_FILE")
    if file is None:
        if needed:
            why = "is missing beside NOTIFY_WEBHOOK; name a file with the secret that signs"
            raise EnvironmentProblemError("NOTIFY_SECRET_FILE", why)
        return None
    try:
        text = file.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return file  # not every process may read it; who sends says so
    if len(text) < SHORTEST_SECRET:
        raise EnvironmentProblemError("NOTIFY_SECRET_FILE", f"{file} is too short; write whsec_ and 24 random bytes")
    try:
        signature(text, "", "", b"")
    except ValueError:
        why = f"{file} is whsec_ and no base64; write whsec_ and the base64 of 24 random bytes"
        raise EnvironmentProblemError("NOTIFY_SECRET_FILE", why) from None
    return file
