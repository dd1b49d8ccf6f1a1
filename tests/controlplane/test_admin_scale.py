"""Pages of policy objects ask a bounded number of questions, however many rows there are."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from controlplane.credentials.models import VaultBackend, VaultReference
from controlplane.fleet.models import Enforcer
from controlplane.grants.models import Grant
from controlplane.incidents.models import KillSwitch
from controlplane.inventory.models import Server, Tool
from controlplane.principals.models import Group, IssuedToken, Principal
from tests.controlplane.browsing import OWNER, signed_in
from tests.controlplane.factories import PATH_SCHEMA, IdentityProviderFactory, trust_level

pytestmark = pytest.mark.django_db
MANY = 60
FRAME = 8  # session, user, rights, counters, switches: what every page asks


@pytest.fixture
def owner(db: None) -> Client:
    """Many of everything, all of it tied together."""
    level = trust_level("internal")
    Server.objects.bulk_create(
        Server(id=f"s{number:03}", title="x", trust_level=level, credential_mode="none") for number in range(MANY)
    )
    Tool.objects.bulk_create(
        Tool(server_id=f"s{number:03}", name=f"t{n}", risk="LOW", input_schema=PATH_SCHEMA, state=state)
        for number in range(MANY)
        for n, state in ((1, "reviewed"), (2, "unreviewed"))
    )
    Tool.objects.bulk_create(
        Tool(server_id="s000", name=f"more{n}", risk="LOW", input_schema=PATH_SCHEMA, state="unreviewed")
        for n in range(MANY)
    )
    groups = Group.objects.bulk_create(Group(name=f"g{number:03}") for number in range(MANY))
    principals = Principal.objects.bulk_create(Principal(subject=f"p{number:03}") for number in range(MANY))
    through = Principal.groups.through
    through.objects.bulk_create(through(principal=row, group=group) for row in principals for group in groups[:10])
    Grant.objects.bulk_create(_grants(principals, groups))
    now = "2026-01-01T00:00:00Z", "2036-01-01T00:00:00Z"
    IssuedToken.objects.bulk_create(
        IssuedToken(jti=f"j{number}", subject="p000", issued_by="x", issued_at=now[0], expires_at=now[1])
        for number in range(MANY)
    )
    for number in range(5):
        Enforcer.objects.create(id=f"e{number}").servers.set(Server.objects.all()[:MANY])
        KillSwitch.objects.create(target=f"tool:s{number:03}/t1", reason="x", raised_by="x")
    IdentityProviderFactory()
    vault = VaultBackend.objects.create(name="vault", kind="file", mount="/run/secrets")
    VaultReference.objects.bulk_create(
        VaultReference(server_id=f"s{number:03}", backend=vault, path=f"servers/{number}") for number in range(MANY)
    )
    return signed_in(OWNER, also=("platform",))


def _grants(principals: list[Principal], groups: list[Group]) -> Iterator[Grant]:
    for number, (principal, group) in enumerate(zip(principals, groups, strict=True)):
        server = f"s{number:03}"
        yield Grant(key=f"own-{number}", principal=principal, server_id=server, tools=["*"])
        yield Grant(key=f"first-{number}", principal=principals[0], server_id=server, tools=["*"])
        yield Grant(key=f"there-{number}", principal=principal, server_id="s000", tools=["*"])
        yield Grant(key=f"group-{number}", group=group, server_id=server, tools=["*"], effect="deny")
        yield Grant(key=f"trust-{number}", group=groups[0], trust="internal", risk="LOW")


def asked(client: Client, url: str) -> int:
    """How many queries the page takes beyond the frame's."""
    client.get(url)  # permissions and content types are read once a process
    with CaptureQueriesContext(connection) as queries:
        page = client.get(url)
    assert page.status_code == 200, url
    return len(queries) - FRAME


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("inventory/server/", 8),
        ("inventory/tool/", 4),
        ("inventory/tool/?state__exact=unreviewed&risk__exact=LOW&server__trust_level__name__exact=internal&o=3", 5),
        ("inventory/trustlevel/", 6),
        ("principals/principal/", 9),
        ("principals/principal/?in=g001", 9),
        ("principals/group/", 4),
        ("principals/identityprovider/", 2),
        ("principals/issuedtoken/", 3),
        ("grants/grant/", 3),
        ("credentials/vaultbackend/", 3),
        ("credentials/vaultreference/", 4),
        ("grants/grant/?reaches={principal}", 6),
        ("grants/grant/?on=s000", 5),
    ],
)
def test_lists(owner: Client, path: str, most: int) -> None:
    url = f"/admin/{path}".format(principal=Principal.objects.get(subject="p000").pk)
    assert asked(owner, url) <= most


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("inventory/server/add/", 1),
        ("inventory/server/s000/change/", 14),
        ("inventory/server/s000/delete/", 14),
        ("inventory/tool/add/", 1),
        ("inventory/tool/{tool}/change/", 16),
        ("inventory/tool/review/?server=s000", 5),
        ("inventory/tool/{tool}/quarantine/", 3),
        ("inventory/trustlevel/internal/change/", 4),
        ("principals/principal/add/", 2),
        ("principals/principal/{principal}/change/", 22),
        ("principals/principal/{principal}/token/", 4),
        ("principals/principal/{principal}/delete/", 17),
        ("principals/group/{group}/change/", 6),
        ("principals/group/{group}/add-member/", 3),
        ("grants/grant/add/?principal={principal}&server=s000", 6),
        ("grants/grant/{grant}/change/", 20),
        ("grants/grant/{selector}/change/", 20),
        ("grants/grant/{grant}/history/", 5),
        ("credentials/vaultbackend/vault/change/", 4),
        ("credentials/vaultbackend/vault/delete/", 13),
    ],
)
def test_forms_and_pages(owner: Client, path: str, most: int) -> None:
    rows = {
        "principal": Principal.objects.get(subject="p000").pk,
        "tool": Tool.objects.get(server_id="s000", name="t1").pk,
        "group": Group.objects.get(name="g000").pk,
        "grant": Grant.objects.get(key="there-1").pk,
        "selector": Grant.objects.get(key="trust-1").pk,
    }
    assert asked(owner, f"/admin/{path}".format(**rows)) <= most


@pytest.mark.parametrize("field", ["principal", "group", "server"])
def test_choices_are_offered_a_page_at_a_time(owner: Client, field: str) -> None:
    url = f"/admin/autocomplete/?app_label=grants&model_name=grant&field_name={field}&term="
    assert asked(owner, url) <= 3
    found: dict[str, Any] = owner.get(url).json()
    assert len(found["results"]) == 20
    assert found["pagination"]["more"]


def test_no_form_holds_thousands_of_choices(owner: Client) -> None:
    for url in ("/admin/grants/grant/add/", "/admin/principals/principal/add/", "/admin/inventory/tool/add/"):
        assert owner.get(url).content.decode().count("<option") < 40
