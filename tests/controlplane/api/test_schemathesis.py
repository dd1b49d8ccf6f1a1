"""Generated requests, those that the document allows and those that it doesn't: nothing breaks, answers are as told.

One token of all rights, a real publisher and Valkey, one database over the whole run: what one request makes, the next
finds. `API_EXAMPLES=100 API_COVERAGE=1` is the long form: every boundary of every schema, some 7,000 requests more.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.conf import settings as django_settings
from django.core.management import call_command
from hypothesis import HealthCheck, Phase, settings
from pytest_django import DjangoDbBlocker
from schemathesis.config import SchemathesisConfig

from controlplane.api import throttles
from controlplane.api.openapi import document
from controlplane.config.wsgi import application
from controlplane.policy.models import Published
from tests.controlplane.api.asking import token_with
from tests.controlplane.factories import (
    GrantFactory,
    GroupFactory,
    IdentityProviderFactory,
    PrincipalFactory,
    ServerFactory,
    ToolFactory,
    trust_level,
)
from tests.controlplane.running import RunningPublisher
from tests.controlplane.valkeys import Valkey
from tests.support.processes import wait_for

EXAMPLES = int(os.environ.get("API_EXAMPLES", "10"))
COVERAGE = "API_COVERAGE" in os.environ
REFUSED = ["400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "429"]
CONFIG = SchemathesisConfig.from_dict(
    {
        "generation": {"with-security-parameters": False},
        "phases": {"coverage": {"enabled": COVERAGE}},
        "checks": {
            "positive_data_acceptance": {"expected-statuses": ["2xx", *REFUSED]},  # what it may mean, services say
            "negative_data_rejection": {"expected-statuses": REFUSED},
        },
    }
)
API = schemathesis.openapi.from_dict(document(), config=CONFIG)
API.app = application


@pytest.fixture
def _django_db_helper() -> None:
    """In place of pytest-django's, which would empty the database after each operation; `world` does, at the end."""


@pytest.fixture(scope="module")
def world(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Something of each kind; the token."""
    home: Path = tmp_path_factory.mktemp("api")
    patch = pytest.MonkeyPatch()
    valkey = Valkey(home / "policy")
    for name, value in {
        "DATA_DIR": home, "KEYS_DIR": home / "keys", "KEYS_JSON": home / "keys.json", "ROOT_PUB": home / "root.pub",
        "REDIS_URL": valkey.url, "RECEIPTS_BROKER_URL": "", "ALLOWED_HOSTS": ["localhost"],
    }.items():  # fmt: skip
        patch.setattr(django_settings, name, value)
    patch.setattr(throttles, "CALLER_LIMIT", 10**9)
    with django_db_blocker.unblock():
        try:
            for level in ("internal", "verified", "community", "unknown"):
                trust_level(level)
            ada = PrincipalFactory(subject="ada", groups=[GroupFactory(name="finance")])
            server = ServerFactory(id="files", workspace="/srv/files")
            ToolFactory(server=server, name="fs_read")
            GrantFactory(key="monthly-report", principal=ada, server=server)
            PrincipalFactory(subject="billing-agent")
            IdentityProviderFactory(issuer="https://idp.example")
            with RunningPublisher():
                wait_for(lambda: Published.objects.exclude(lease="").exists(), "a lease")
                yield token_with()
        finally:
            call_command("flush", verbosity=0, interactive=False)
            valkey.stop()
            patch.undo()


@pytest.mark.django_db(transaction=True)
@API.parametrize()
@settings(
    max_examples=EXAMPLES,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    deadline=None,
)
def test_nothing_breaks_and_answers_are_as_the_document_says(case: Any, world: str) -> None:
    case.call_and_validate(headers={"Authorization": f"Token {world}"})
