"""Who may see the metrics: whoever holds the token in METRICS_TOKEN_FILE. Without the file nobody does."""

import hmac

from django.conf import settings
from django.http import HttpRequest

from controlplane.config.environment import stored

SHORTEST = 32


def expected() -> str:
    """Read anew each time, so that it can be rotated; empty where there is none, or one that could be guessed."""
    text = stored(settings.METRICS_TOKEN_FILE)
    return text if len(text) >= SHORTEST else ""


def holds_token(request: HttpRequest) -> bool:
    """`Authorization: Bearer …` with the very token."""
    wanted = expected()
    scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
    same = hmac.compare_digest(sent.strip().encode(), wanted.encode())
    return bool(wanted) and scheme.lower() == "bearer" and same
