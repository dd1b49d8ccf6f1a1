"""The database of the control plane's tests, and two real Valkeys for those that ask for them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.db import connection
from django.db.models.signals import post_migrate
from pytest_django import DjangoDbBlocker
from pytest_django.fixtures import Settings

from controlplane.receipts.append_only import install_after_migrate, uninstall
from tests.controlplane.valkeys import Valkey


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Tests that commit are followed by a flush, which the append-only triggers would refuse; they have tests of
    their own. A thread of a test that failed may still hold a session, and PostgreSQL drops no database in use.
    """
    post_migrate.disconnect(install_after_migrate, sender=apps.get_app_config("receipts"))
    with django_db_blocker.unblock():
        uninstall(connection)
    yield
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )


@pytest.fixture
def data_dir(tmp_path: Path, settings: Settings) -> Path:
    """An empty data directory, and settings that name it and no Redis."""
    settings.DATA_DIR = tmp_path
    settings.KEYS_DIR = tmp_path / "keys"
    settings.KEYS_JSON = tmp_path / "keys.json"
    settings.ROOT_PUB = tmp_path / "root.pub"
    settings.REDIS_URL = settings.RECEIPTS_BROKER_URL = ""
    return tmp_path


@pytest.fixture
def valkey(data_dir: Path, settings: Settings) -> Iterator[Valkey]:
    """The policy instance, running and named by the settings."""
    made = Valkey(data_dir / "policy")
    settings.REDIS_URL = made.url
    yield made
    made.stop()


@pytest.fixture
def broker(data_dir: Path, settings: Settings) -> Iterator[Valkey]:
    """The receipts instance."""
    made = Valkey(data_dir / "receipts")
    settings.RECEIPTS_BROKER_URL = made.url
    yield made
    made.stop()
