"""Grants in the web admin."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from controlplane.grants.models import Grant
from controlplane.incidents.models import KillSwitch
from tests.controlplane.browsing import AUTHOR, OWNER, VIEWER, errors, send, signed_in, text
from tests.controlplane.factories import GrantFactory, GroupFactory, PrincipalFactory, ServerFactory, ToolFactory

pytestmark = pytest.mark.django_db
GRANTS = "/admin/grants/grant/"


def test_a_grant_is_issued_and_its_page_says_what_it_comes_to() -> None:
    ada, server = PrincipalFactory(subject="ada"), ServerFactory(id="files")
    ToolFactory(server=server, name="fs_read")
    ToolFactory(server=server, name="fs_stat", state="unreviewed", declared=False)
    ToolFactory(server=server, name="other")
    filled = {
        "principal": ada.pk,
        "server": "files",
        "tools": "fs_*",
        "constraint": json.dumps({"properties": {"path": {"pattern": "^reports/"}}}),
        "rate": "10/minute",
        "reason": "reports",
    }
    said = text(send(signed_in(OWNER), f"{GRANTS}add/", filled))
    row = Grant.objects.get()
    assert (row.principal, row.server, row.tools, row.rate) == (ada, server, ["fs_*"], "10/minute")
    assert "ada may call fs_* on files, up to MEDIUM risk without an approval, where path matches ^reports/" in said
    assert "files/fs_read LOW reviewed" in said
    assert "files/fs_stat LOW unreviewed" in said
    assert "files/other" not in said
    assert "tool files/fs_stat is held; no call passes until it is reviewed" in said


def test_a_page_of_a_grant_warns_of_what_stands_in_its_way_today() -> None:
    ada, group = PrincipalFactory(subject="ada"), GroupFactory(name="finance")
    server = ServerFactory(id="files")
    ToolFactory(server=server, name="fs_read", risk="CRITICAL")
    ada.groups.add(group)
    grant = GrantFactory(principal=ada, server=server, tools=["fs_read", "gone"])
    GrantFactory(key="no", principal=None, group=group, server=server, effect="deny")
    KillSwitch.objects.create(target="tool:files/fs_read", reason="a fire", raised_by="grace")
    said = text(signed_in(VIEWER).get(f"{GRANTS}{grant.pk}/change/"))
    assert "'gone' matches no tool today" in said
    assert "tool files/fs_read is killed" in said
    assert "above the max_risk MEDIUM; each call needs an approval" in said
    assert "is shadowed by the deny no (files [*]); it allows nothing" in said


def test_a_page_of_a_grant_names_the_members_that_it_reaches() -> None:
    group = GroupFactory(name="finance")
    grant = GrantFactory(principal=None, group=group)
    for number in range(25):
        PrincipalFactory(subject=f"member-{number:02}", groups=[group])
    said = text(signed_in(VIEWER).get(f"{GRANTS}{grant.pk}/change/"))
    assert "member-00" in said
    assert "member-20" not in said
    assert "and 5 more" in said


def test_a_grant_whose_window_is_over_still_has_a_page() -> None:
    grant = GrantFactory(not_after=timezone.now() - timedelta(days=1))
    assert "the window has ended" in text(signed_in(VIEWER).get(f"{GRANTS}{grant.pk}/change/"))


def test_links_of_other_pages_fill_in_the_form() -> None:
    ada, server = PrincipalFactory(subject="ada"), ServerFactory(id="files")
    tool = ToolFactory(server=server, name="fs_read")
    group = GroupFactory()
    owner = signed_in(OWNER)
    for where in (
        f"/admin/principals/principal/{ada.pk}/change/",
        f"/admin/principals/group/{group.pk}/change/",
        "/admin/inventory/server/files/change/",
        f"/admin/inventory/tool/{tool.pk}/change/",
    ):
        assert f"{GRANTS}add/?" in owner.get(where).content.decode()
    form = owner.get(f"{GRANTS}add/?principal={ada.pk}&server=files&tools=fs_read").context["adminform"].form
    assert (form["principal"].value(), form["server"].value(), form["tools"].value()) == (
        str(ada.pk),
        "files",
        "fs_read",
    )


@pytest.mark.parametrize("query", ["principal=ada", "principal=99", "server=none", "group=%00", "principal=%E0"])
def test_a_link_that_names_nothing_fills_in_nothing(query: str) -> None:
    form = signed_in(OWNER).get(f"{GRANTS}add/?{query}").context["adminform"].form
    assert not form["principal"].value()
    assert not form["server"].value()
    assert not form["group"].value()


def test_problems_stand_at_their_fields() -> None:
    ada = PrincipalFactory(subject="ada")
    ServerFactory(id="files")
    owner = signed_in(OWNER)
    base = {"principal": ada.pk, "server": "files", "tools": "*"}
    assert list(errors(send(owner, f"{GRANTS}add/", {**base, "rate": "often"}))) == ["rate"]
    assert list(errors(send(owner, f"{GRANTS}add/", {**base, "tools": ""}))) == ["tools"]
    assert list(errors(send(owner, f"{GRANTS}add/", {**base, "constraint": '{"type": 3}'}))) == ["constraint"]
    assert "names nobody" in errors(send(owner, f"{GRANTS}add/", {"server": "files", "tools": "*"}))["__all__"][0]
    assert not Grant.objects.exists()


def test_an_unchanged_grant_saves_as_it_is() -> None:
    grant = GrantFactory(constraint={"properties": {}}, rate="1/minute", reason="two\nlines", ticket="OPS-1")
    ToolFactory(server=grant.server)
    assert "Nothing changed." in text(send(signed_in(OWNER), f"{GRANTS}{grant.pk}/change/", {}))


def test_a_grant_is_revoked_with_a_reason() -> None:
    grant = GrantFactory(key="one")
    owner = signed_in(OWNER)
    assert "- grant one" in text(owner.get(f"{GRANTS}{grant.pk}/delete/"))
    owner.post(f"{GRANTS}{grant.pk}/delete/", {"post": "yes", "why": "no longer"})
    assert Grant.history.get(history_type="-").history_change_reason == "no longer"


def test_a_long_key_is_shown_short_in_the_list_and_whole_in_the_form() -> None:
    grant = GrantFactory(key="g-0123456789abcdef0123")
    viewer = signed_in(VIEWER)
    listed = text(viewer.get(GRANTS)).partition("Filter")[0]
    assert "g-01234567…" in listed
    assert grant.key not in listed
    assert grant.key in signed_in(OWNER).get(f"{GRANTS}{grant.pk}/change/").content.decode()
    assert grant.key in text(viewer.get(f"{GRANTS}{grant.pk}/change/"))


def test_the_list_is_narrowed_to_what_other_pages_ask_for() -> None:
    group = GroupFactory(name="finance")
    ada = PrincipalFactory(subject="ada", groups=[group])
    files = ServerFactory(id="files")
    GrantFactory(key="hers", principal=ada)
    GrantFactory(key="theirs", principal=None, group=group)
    GrantFactory(key="there", server=files)
    GrantFactory(key="selected", server=None, tools=[], trust="internal")
    viewer = signed_in(VIEWER)

    def listed(**query: object) -> list[str]:
        return [row.key for row in viewer.get(GRANTS, query).context["cl"].result_list]

    assert listed(reaches=ada.pk) == ["hers", "theirs"]
    assert listed(on="files") == ["selected", "there"]
    assert listed(of="finance") == ["theirs"]
    assert listed(reaches="nobody") == listed(on="none") == []


def test_an_author_proposes_and_a_viewer_reads() -> None:
    grant = GrantFactory()
    ToolFactory(server=grant.server)
    assert signed_in(VIEWER).post(f"{GRANTS}{grant.pk}/change/", {"max_risk": "HIGH"}).status_code == 403
    assert "waits for a policy owner" in text(
        send(signed_in(AUTHOR), f"{GRANTS}{grant.pk}/change/", {"max_risk": "HIGH"})
    )
    assert Grant.objects.get().max_risk == "MEDIUM"


def test_the_same_grant_is_not_issued_twice() -> None:
    ada = PrincipalFactory(subject="ada")
    ServerFactory(id="files")
    owner, filled = signed_in(OWNER), {"principal": ada.pk, "server": "files", "tools": "*"}
    send(owner, f"{GRANTS}add/", filled)
    page = send(owner, f"{GRANTS}add/", filled)
    assert "there is one already: a grant that says the same" in errors(page)["__all__"][0]
    key = Grant.objects.get().key
    page = send(owner, f"{GRANTS}add/", {**filled, "id": key, "max_risk": "CRITICAL"})
    assert "there is one already" in errors(page)["__all__"][0]
    assert Grant.objects.get().max_risk == "MEDIUM"
