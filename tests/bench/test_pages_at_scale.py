"""1,000 servers, 20,000 tools, 100,000 grants: pages ask a bounded number of queries; how long they take is recorded.

`pytest tests/bench -rP` shows the times. They never fail a test: machines differ.
"""

import sys
import time
from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import Group as Role
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoDbBlocker

from controlplane.accounts.models import User
from controlplane.accounts.roles import ROLES
from controlplane.grants.models import Grant
from controlplane.inventory.models import LEVEL_NAMES, Server, Tool
from controlplane.policy import edits
from controlplane.principals.models import Group, Principal
from tests.controlplane.actors import ADA
from tests.controlplane.factories import PATH_SCHEMA, trust_level

SERVERS, TOOLS_EACH, PRINCIPALS, GRANTS = 1_000, 20, 2_000, 100_000
PAGES = {
    "/": 30,
    "/find/?q=server-500": 30,
    "/admin/inventory/server/": 30,
    "/admin/inventory/server/?q=server-77": 30,
    "/admin/inventory/server/server-500/change/": 60,
    "/admin/inventory/server/add/": 30,
    "/admin/inventory/tool/": 30,
    "/admin/inventory/tool/?p=100": 30,
    "/admin/inventory/tool/?q=tool_7": 30,
    "/admin/grants/grant/": 30,
    "/admin/grants/grant/?p=1000": 30,
    "/admin/grants/grant/?q=agent-77": 30,
    "/admin/grants/grant/add/": 30,
    "/admin/principals/principal/": 30,
    "/admin/principals/group/": 30,
    "/matrix/": 30,
    "/matrix/server-500/": 40,
    "/matrix/server-500/?who=agent-77": 40,
    "/admin/inventory/trustlevel/": 30,
    "/admin/autocomplete/?app_label=grants&model_name=grant&field_name=principal&term=agent-19": 30,
    "/api/v1/grants": 30,
    "/api/v1/tools": 30,
    "/api/v1/servers": 30,
}


@pytest.fixture(scope="module")
def company(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Rows made past the services, for speed; gone again at the end."""
    with django_db_blocker.unblock():
        fill()
        try:
            yield
        finally:
            call_command("flush", verbosity=0, interactive=False)
            for name in LEVEL_NAMES:  # rows of a migration, which other tests find there
                trust_level(name)


def fill() -> None:
    level = trust_level("internal")
    Server.objects.bulk_create(Server(id=f"server-{n}", title=f"Server {n}", trust_level=level) for n in range(SERVERS))
    Tool.objects.bulk_create(
        (
            Tool(
                server_id=f"server-{n // TOOLS_EACH}",
                name=f"tool_{n % TOOLS_EACH}",
                risk="LOW",
                input_schema=PATH_SCHEMA,
                declared=True,
                state="reviewed",
            )
            for n in range(SERVERS * TOOLS_EACH)
        ),
        batch_size=2_000,
    )
    principals = Principal.objects.bulk_create(Principal(subject=f"agent-{n}") for n in range(PRINCIPALS))
    group = Group.objects.create(name="everybody")
    Principal.groups.through.objects.bulk_create(
        Principal.groups.through(principal=principal, group=group) for principal in principals
    )
    Grant.objects.bulk_create(
        (
            Grant(
                key=f"g-{n:020}",
                principal=principals[n % PRINCIPALS],
                server_id=f"server-{n % SERVERS}",
                tools=[f"tool_{n % TOOLS_EACH}"],
            )
            for n in range(GRANTS)
        ),
        batch_size=2_000,
    )


@pytest.fixture
def browser(company: None, db: None) -> Client:
    """Somebody with every role."""
    user = User.objects.create(username="ada", is_staff=True)
    user.groups.set(Role.objects.filter(name__in=ROLES))
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("path", "most"), PAGES.items())
def test_a_page_asks_a_bounded_number_of_queries_whatever_the_company_s_size(
    browser: Client, path: str, most: int, record_property: Callable[[str, object], None]
) -> None:
    with CaptureQueriesContext(connection) as asked:
        began = time.perf_counter()
        answer = browser.get(path)
        took = time.perf_counter() - began
    sys.stdout.write(f"{path}: {took * 1000:.0f} ms, {len(asked)} queries, {len(answer.content) // 1024} kB" + "\n")
    record_property("milliseconds", round(took * 1000))
    assert answer.status_code == 200
    assert len(asked) <= most
    assert len(answer.content) < 600_000


def test_one_grant_is_saved_with_a_bounded_number_of_queries(browser: Client) -> None:
    item = {"principal": "agent-7", "server": "server-7", "tools": ["tool_*"]}
    with CaptureQueriesContext(connection) as asked:
        began = time.perf_counter()
        applied = edits.save(section="grants", item=item, actor=ADA, reason="scale")
        took = time.perf_counter() - began
    sys.stdout.write(f"a grant saved: {took * 1000:.0f} ms, {len(asked)} queries" + "\n")
    assert not applied.problems
    assert len(asked) <= 80
