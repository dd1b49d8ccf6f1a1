"""Titles, names, schemas and reasons are anybody's: on every page of policy objects they are inert and visible."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django.utils.http import urlencode

from controlplane.credentials.models import VaultBackend, VaultReference
from controlplane.grants.models import Grant
from controlplane.incidents.models import KillSwitch, RevokedPrincipal
from controlplane.inventory.models import Server, Tool
from controlplane.principals.models import Group, IdentityProvider, IssuedToken, Principal
from tests.controlplane.browsing import OWNER, VIEWER, signed_in
from tests.controlplane.factories import (
    GrantFactory,
    GroupFactory,
    IdentityProviderFactory,
    PrincipalFactory,
    ServerFactory,
    ToolFactory,
)
from tests.controlplane.hostile import EVIL, LONG, schema, stands

pytestmark = pytest.mark.django_db


@pytest.fixture
def hostile() -> Server:
    """Rows written past every check, as a restored backup or a future discovery might."""
    server = ServerFactory(id="evil", title=EVIL, workspace=f"/{EVIL}", egress=[EVIL], rate=EVIL[:32])
    ToolFactory(server=server, name=EVIL, input_schema=schema(), state="changed", declared=False)
    group = GroupFactory(name=EVIL)
    ada = PrincipalFactory(subject=EVIL, issuer=EVIL, groups=[group])
    own = PrincipalFactory(subject=EVIL, groups=[group])
    GrantFactory(key="own", principal=own, server=server, tools=[EVIL], reason=EVIL, ticket=EVIL)
    GrantFactory(key="evil", principal=ada, server=server, tools=[EVIL], reason=EVIL, ticket=EVIL, rate=EVIL[:32],
                 constraint={"properties": {EVIL: {"pattern": EVIL}}})  # fmt: skip
    GrantFactory(key="of-group", principal=None, group=group, server=server, effect="deny", constraint={EVIL: EVIL})
    IdentityProviderFactory(issuer=EVIL, audience=EVIL, jwks={"keys": [{"kid": EVIL, "alg": EVIL}]}, algorithms=[EVIL])
    KillSwitch.objects.create(target=f"tool:evil/{EVIL}", reason=EVIL, raised_by=EVIL)
    RevokedPrincipal.objects.create(subject=EVIL, issuer=EVIL, actor=EVIL, reason=EVIL)
    now = timezone.now()
    IssuedToken.objects.create(
        jti="evil", subject=EVIL, issued_by=EVIL, issued_at=now, expires_at=now + timedelta(hours=1)
    )
    vault = VaultBackend.objects.create(name="evil", kind="openbao", address=f"https://{EVIL}", mount=EVIL)
    VaultReference.objects.create(server=server, backend=vault, path=EVIL, field=EVIL, header=EVIL, prefix=EVIL[:32])
    for model in (Server, Tool, Group, Principal, IdentityProvider, Grant, VaultBackend):
        model.history.update(history_user_id=EVIL, history_change_reason=EVIL)
    assert isinstance(server, Server)
    return server


def pages() -> list[str]:
    """Every page of these objects that looks, asks or confirms."""
    found = ["/admin/inventory/tool/review/?server=evil", "/admin/inventory/tool/?q=" + "%3Cscript%3E"]
    kinds = {
        "inventory/server": Server,
        "inventory/tool": Tool,
        "principals/group": Group,
        "principals/principal": Principal,
        "principals/identityprovider": IdentityProvider,
        "principals/issuedtoken": IssuedToken,
        "grants/grant": Grant,
        "credentials/vaultbackend": VaultBackend,
        "credentials/vaultreference": VaultReference,
    }
    for name, model in kinds.items():
        found.append(f"/admin/{name}/")
        for row in model._default_manager.all():
            ways = ["change"] if model is IssuedToken else ["change", "history"]
            ways += ["delete"] if model not in (IssuedToken, Tool, VaultReference) else []
            found += [f"/admin/{name}/{row.pk}/{way}/" for way in ways]
    tool, group = Tool.objects.get(), Group.objects.get()
    own = Principal.objects.get(issuer="drawbridge")
    found += [f"/admin/inventory/tool/{tool.pk}/quarantine/", f"/admin/inventory/tool/{tool.pk}/end-quarantine/"]
    found += [f"/admin/principals/group/{group.pk}/add-member/", f"/admin/principals/principal/{own.pk}/token/"]
    found += [f"/admin/grants/grant/add/?principal={own.pk}&server=evil&tools=%3Cscript%3Ealert(1)"]
    found += [f"/admin/grants/grant/?reaches={own.pk}", "/admin/principals/principal/?in=%3Cscript%3Ealert(1)"]
    cell = urlencode({"principal": own.pk, "call": tool.name, "who": "<script>alert(1)", "what": "<script>alert(1)"})
    found += ["/", "/live/", "/parts/live/", "/live/?server=%3Cscript%3E&until=%22%3E"]
    found += ["/matrix/", "/matrix/?what=%3Cscript%3E", "/matrix/evil/", f"/matrix/evil/?{cell}"]
    return found


def test_every_page_shows_it_inert_and_visible(hostile: Server) -> None:
    owner, shown = signed_in(OWNER, also=("platform",)), 0
    for url in pages():
        shown += "⟨U+202E⟩" in stands(owner.get(url))
    assert shown > 20


def test_whoever_may_only_look_sees_it_so_too(hostile: Server) -> None:
    viewer = signed_in(VIEWER)
    for url in pages():
        page = viewer.get(url)
        if page.status_code != 403:
            stands(page)


def test_a_refused_form_shows_what_was_typed_inert(hostile: Server) -> None:
    owner = signed_in(OWNER)
    typed = {
        "name": EVIL,
        "server": "evil",
        "input_schema": f"{{{EVIL}",
        "path_arguments": EVIL,
        "path_how": "declared",
    }
    stands(owner.post("/admin/inventory/tool/add/", {**typed, "why": EVIL}))
    stands(owner.post("/admin/inventory/server/add/", {"id": EVIL, "title": EVIL, "egress": EVIL, "rate": EVIL}))
    stands(owner.post("/admin/principals/principal/add/", {"subject": EVIL, "issuer": EVIL, "new_groups": EVIL}))
    stands(owner.post("/admin/grants/grant/add/", {"server": "evil", "tools": EVIL, "rate": EVIL, "constraint": EVIL}))


def test_very_long_text_makes_no_very_long_page() -> None:
    server = ServerFactory(id="evil", title=LONG[:200])  # what its column holds
    for number in range(60):
        name = f"{number:02}{LONG[:254]}"
        ToolFactory(server=server, name=name, input_schema=schema(description=LONG), state="changed", declared=False)
    ada = PrincipalFactory(subject=LONG[:255])
    for number in range(60):
        GrantFactory(key=f"g-{number}", principal=ada, server=server, tools=[LONG], reason=LONG,
                     constraint={"description": LONG})  # fmt: skip
    tool, grant = Tool.objects.order_by("name")[0], Grant.objects.order_by("key")[0]
    owner = signed_in(OWNER)
    for url in (
        "/admin/inventory/server/",
        "/admin/inventory/server/evil/history/",
        "/admin/inventory/tool/",
        "/admin/principals/principal/",
        "/admin/grants/grant/",
        f"/admin/grants/grant/{grant.pk}/history/",
        f"/admin/inventory/tool/{tool.pk}/history/",
    ):
        stands(owner.get(url), longest=150_000)
    stands(owner.get("/admin/inventory/tool/review/?server=evil"), longest=50 * 30_000)
    stands(owner.get(f"/admin/principals/principal/{ada.pk}/change/"))
    stands(owner.get("/admin/inventory/server/evil/change/"))


def test_a_schema_with_unseen_characters_survives_its_form_unchanged() -> None:
    tool = ToolFactory(server=ServerFactory(id="files"), input_schema=schema())
    owner, url = signed_in(OWNER), f"/admin/inventory/tool/{tool.pk}/change/"
    form = owner.get(url).context["adminform"].form
    written = form["input_schema"].field.prepare_value(form["input_schema"].value())
    assert "\u202e" not in written
    owner.post(url, {"risk": "HIGH", "input_schema": written, "path_how": "found", "url_how": "found"})
    tool.refresh_from_db()
    assert (tool.risk, tool.input_schema) == ("HIGH", schema())
