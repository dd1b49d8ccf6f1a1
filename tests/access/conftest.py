"""The database as the control plane's tests have it."""

from tests.controlplane.conftest import django_db_setup  # noqa: F401 - a fixture
