"""The metrics token, and what a scrape finds."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from controlplane.observability import views
from controlplane.observability.readiness import Looks

TOKEN = "t" * 40
Samples = dict[str, float]


@pytest.fixture
def token(tmp_path: Path, settings: Settings) -> str:
    """In its file."""
    settings.METRICS_TOKEN_FILE = tmp_path / "metrics.token"
    settings.METRICS_TOKEN_FILE.write_text(TOKEN + "\n")
    return TOKEN


@pytest.fixture(autouse=True)
def _looks_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an earlier test saw a moment ago counts for nothing."""
    monkeypatch.setattr(views, "_LOOKS", Looks())


@pytest.fixture
def scrape(client: Client, token: str) -> Callable[[], Samples]:
    """Name and labels → value, without the prefix."""

    def read() -> Samples:
        answer = client.get("/metrics", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200, answer.content
        rows = (line.rsplit(" ", 1) for line in answer.content.decode().splitlines() if not line.startswith("#"))
        return {name.removeprefix("drawbridge_control_"): float(value) for name, value in rows}

    return read
