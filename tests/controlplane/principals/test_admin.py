"""Principals, groups, providers and tokens in the web admin."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from controlplane.grants.models import Grant
from controlplane.incidents.models import RevokedPrincipal, RevokedToken
from controlplane.policy.models import ChangedServer, Proposal, Published
from controlplane.principals.models import Group, IdentityProvider, IssuedToken, Principal
from controlplane.receipts.models import Receipt
from tests.controlplane.browsing import AUTHOR, OWNER, VIEWER, errors, send, signed_in, text
from tests.controlplane.factories import (
    GrantFactory,
    GroupFactory,
    IdentityProviderFactory,
    PrincipalFactory,
    ServerFactory,
)
from tests.controlplane.running import RunningPublisher
from tests.controlplane.valkeys import Valkey
from tests.support.processes import wait_for

pytestmark = pytest.mark.django_db
ADD = "/admin/principals/principal/add/"
LIST = "/admin/principals/principal/"


def page_of(row: Principal) -> str:
    return f"{LIST}{row.pk}/change/"


def test_a_principal_is_added_with_groups_old_and_new() -> None:
    group = GroupFactory(name="finance")
    filled = {"subject": "ada", "actor_type": "agent", "groups": [group.pk], "new_groups": "ops"}
    page = send(signed_in(OWNER), ADD, filled)
    row = Principal.objects.get()
    assert (row.subject, row.issuer, row.actor_type) == ("ada", "drawbridge", "agent")
    assert sorted(g.name for g in row.groups.all()) == ["finance", "ops"]
    assert "+ principal ada" in text(page)


def test_what_a_principal_is_known_by_stays() -> None:
    ada = PrincipalFactory(subject="ada")
    send(
        signed_in(OWNER), page_of(ada), {"subject": "eve", "issuer": "https://elsewhere.example", "actor_type": "agent"}
    )
    row = Principal.objects.get()
    assert (row.subject, row.issuer, row.actor_type) == ("ada", "drawbridge", "agent")


def test_a_principal_without_a_subject_is_refused_at_the_field() -> None:
    page = send(signed_in(OWNER), ADD, {"subject": "\u202eada"})
    assert "can't be seen" in errors(page)["subject"][0]
    assert not Principal.objects.exists()


def test_whoever_may_only_propose_opens_a_proposal() -> None:
    page = send(signed_in(AUTHOR), ADD, {"subject": "ada", "why": "a new hire"})
    assert not Principal.objects.exists()
    assert (Proposal.objects.get().item["subject"], Proposal.objects.get().reason) == ("ada", "a new hire")
    assert "waits for a policy owner" in text(page)


def test_a_page_says_what_reaches_a_principal_and_through_which_group() -> None:
    group = GroupFactory(name="finance")
    ada = PrincipalFactory(subject="ada", groups=[group])
    files = ServerFactory(id="files")
    GrantFactory(principal=ada, server=files, tools=["read"])
    GrantFactory(principal=None, group=group, server=files, tools=["write"], effect="deny")
    GrantFactory(server=files, tools=["theirs"])
    said = text(signed_in(VIEWER).get(page_of(ada)))
    assert "ada may call read on files" in said
    assert "Everybody in finance must not call write on files." in said
    assert "through finance" in said
    assert "theirs" not in said


def test_removing_a_principal_shows_first_what_goes_and_takes_a_reason() -> None:
    ada = PrincipalFactory(subject="ada")
    GrantFactory(key="hers", principal=ada)
    owner = signed_in(OWNER)
    asked = text(owner.get(f"{LIST}{ada.pk}/delete/"))
    assert "- grant hers: allow ada" in asked
    assert "- principal ada" in asked
    owner.post(f"{LIST}{ada.pk}/delete/", {"post": "yes", "why": "she left"})
    assert not Principal.objects.exists()
    assert not Grant.objects.exists()
    assert Principal.history.get(history_type="-").history_change_reason == "she left"


def test_the_list_says_groups_grants_and_revocation() -> None:
    group = GroupFactory(name="finance")
    ada = PrincipalFactory(subject="ada", groups=[group])
    GrantFactory(principal=ada)
    GrantFactory(principal=None, group=group)
    PrincipalFactory(subject="eve")
    RevokedPrincipal.objects.create(subject="eve", issuer="drawbridge", actor="grace")
    said = text(signed_in(VIEWER).get(LIST))
    assert "ada drawbridge User finance 2 in use" in said
    assert "eve drawbridge User - none revoked" in said


def test_the_list_leads_to_the_members_of_a_group() -> None:
    PrincipalFactory(subject="ada", groups=[GroupFactory(name="finance")])
    PrincipalFactory(subject="bob")
    said = text(signed_in(VIEWER).get(LIST, {"in": "finance"}))
    assert "ada" in said
    assert "bob" not in said


@pytest.fixture
def publisher(valkey: Valkey) -> Iterator[RunningPublisher]:
    """Running, with the server `files` and the agent ada."""
    ServerFactory(id="files")
    PrincipalFactory(subject="ada", actor_type="agent")
    with RunningPublisher() as running:
        wait_for(lambda: Published.objects.exclude(lease="").count() == 1, "a lease")
        yield running


@pytest.mark.django_db(transaction=True)
def test_a_token_is_shown_once_and_kept_nowhere(publisher: RunningPublisher) -> None:
    owner, ada = signed_in(OWNER), Principal.objects.get()
    page = owner.post(f"{LIST}{ada.pk}/token/", {"server": "files", "lifetime": "28800"})
    token = page.context["token"]
    row = IssuedToken.objects.get()
    assert token.count(".") == 2
    assert page.content.decode().count(token) == 2  # by itself, and in the snippet
    assert (row.subject, row.server_id, row.expires_at - row.issued_at) == ("ada", "files", timedelta(hours=8))
    assert "no-store" in page.headers["Cache-Control"]
    kept = [str(row.__dict__), bytes(Receipt.objects.get().line).decode(), str(dict(owner.session))]
    assert not any(token in text_ for text_ in kept)
    assert token not in owner.get(page_of(ada)).content.decode()
    assert row.jti in owner.get(page_of(ada)).content.decode()


@pytest.mark.django_db(transaction=True)
def test_without_a_publisher_the_form_says_so(data_dir: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controlplane.principals.tokens.ask.__defaults__", (0.05,))
    ada = PrincipalFactory(subject="ada")
    page = signed_in(OWNER).post(f"{LIST}{ada.pk}/token/", {"lifetime": "3600"})
    assert "the publisher doesn't answer" in text(page)


def test_tokens_are_issued_by_whoever_has_the_right_and_to_our_own_principals_only() -> None:
    ada = PrincipalFactory(subject="ada")
    theirs = PrincipalFactory(subject="bob", issuer=IdentityProviderFactory().issuer)
    assert signed_in(AUTHOR).get(f"{LIST}{ada.pk}/token/").status_code == 403
    assert "Issue a token" not in text(signed_in(VIEWER).get(page_of(ada)))
    owner = signed_in(OWNER)
    assert owner.get(f"{LIST}{theirs.pk}/token/").status_code == 403
    assert "issues its tokens, not Drawbridge" in text(owner.get(page_of(theirs)))
    asked = owner.get(f"{LIST}{ada.pk}/token/")
    assert "No grant reaches ada yet" in text(asked)
    assert not IssuedToken.objects.exists()


def token(jti: str, subject: str = "ada", hours: int = 1) -> IssuedToken:
    now = timezone.now() - timedelta(hours=2)
    ends = timezone.now() + timedelta(hours=hours)
    return IssuedToken.objects.create(jti=jti, subject=subject, issued_by="grace", issued_at=now, expires_at=ends)


def test_tokens_are_listed_by_state_and_subject() -> None:
    token("live-one")
    token("old-one", hours=-1)
    gone = token("gone-one", subject="eve")
    RevokedToken.objects.create(jti=gone.jti, expires_at=gone.expires_at, actor="grace")
    viewer, where = signed_in(VIEWER), "/admin/principals/issuedtoken/"
    for state, jti in (("live", "live-one"), ("expired", "old-one"), ("revoked", "gone-one")):
        listed = viewer.get(where, {"state": state}).context["cl"].result_list
        assert [row.jti for row in listed] == [jti]
    assert [row.jti for row in viewer.get(where, {"subject": "eve"}).context["cl"].result_list] == ["gone-one"]
    assert "revoked" in text(viewer.get(f"{where}gone-one/change/"))


def test_a_group_shows_its_members_and_what_names_it() -> None:
    group = GroupFactory(name="finance")
    PrincipalFactory(subject="ada", groups=[group])
    GrantFactory(principal=None, group=group, server=ServerFactory(id="files"))
    said = text(signed_in(VIEWER).get(f"/admin/principals/group/{group.pk}/change/"))
    assert "Members ada user" in said
    assert "Everybody in finance may call every tool on files" in said


def test_a_group_that_grants_name_is_not_removed() -> None:
    group = GroupFactory(name="finance")
    GrantFactory(principal=None, group=group)
    owner, where = signed_in(OWNER), f"/admin/principals/group/{group.pk}/delete/"
    assert "revoke them first" in text(owner.get(where))
    owner.post(where, {"post": "yes"})
    assert Group.objects.exists()


def test_a_group_is_added() -> None:
    page = send(signed_in(OWNER), "/admin/principals/group/add/", {"name": "finance"})
    assert Group.objects.get().name == "finance"
    assert "Nobody is in it." in text(page)


KEY = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "one", "alg": "EdDSA"}
IDP = "/admin/principals/identityprovider/"


def test_an_identity_provider_is_added_with_its_public_keys() -> None:
    filled = {
        "issuer": "https://idp.example",
        "audience": "drawbridge",
        "algorithms": ["EdDSA"],
        "jwks": json.dumps({"keys": [KEY]}),
        "claim_subject": "email",
    }
    page = send(signed_in(OWNER), f"{IDP}add/", filled)
    row = IdentityProvider.objects.get()
    assert (row.issuer, row.algorithms, row.jwks, row.claim_subject) == (
        "https://idp.example", ["EdDSA"], {"keys": [KEY]}, "email",
    )  # fmt: skip
    assert "one (EdDSA)" in text(page)


@pytest.mark.parametrize(
    ("jwks", "said"),
    [
        ({"keys": [{**KEY, "d": "secret"}]}, "a private key"),
        ("{", "is no JSON"),
        ({"keys": [{"kty": "oct"}]}, "symmetric"),
    ],
)
def test_keys_that_are_not_public_are_refused_at_their_field(jwks: Any, said: str) -> None:
    written = jwks if isinstance(jwks, str) else json.dumps(jwks)
    filled = {"issuer": "https://idp.example", "audience": "d", "algorithms": ["EdDSA"], "jwks": written}
    page = send(signed_in(OWNER), f"{IDP}add/", filled)
    assert said in errors(page)["jwks"][0]
    assert not IdentityProvider.objects.exists()


def test_a_provider_without_a_key_is_said_to_let_nobody_in() -> None:
    row = IdentityProviderFactory()
    for where in (IDP, f"{IDP}{row.pk}/change/"):
        assert "no key: none of its tokens is accepted" in text(signed_in(VIEWER, where).get(where))


def test_an_unchanged_provider_saves_as_it_is() -> None:
    row = IdentityProviderFactory(jwks={"keys": [KEY]}, claim_org_id="tenant")
    page = send(signed_in(OWNER), f"{IDP}{row.pk}/change/", {})
    assert "Nothing changed." in text(page)


def test_a_member_is_added_on_the_page_of_the_group_and_keeps_its_other_groups() -> None:
    group = GroupFactory(name="finance")
    ada = PrincipalFactory(subject="ada", actor_type="agent", groups=[GroupFactory(name="ops")])
    grant = GrantFactory(principal=None, group=group)
    owner, where = signed_in(OWNER), f"/admin/principals/group/{group.pk}"
    assert "1 grant of the group will reach whoever is added." in text(owner.get(f"{where}/add-member/"))
    said = text(owner.post(f"{where}/add-member/", {"principal": ada.pk, "reason": "moved"}, follow=True))
    assert "Added ada" in said
    row = Principal.objects.get(subject="ada")
    assert (row.actor_type, sorted(g.name for g in row.groups.all())) == ("agent", ["finance", "ops"])
    assert list(ChangedServer.objects.values_list("server_id", flat=True)) == [grant.server_id]
    assert "was in it already" in text(owner.post(f"{where}/add-member/", {"principal": ada.pk}, follow=True))


def test_only_an_editor_adds_members() -> None:
    group, ada = GroupFactory(), PrincipalFactory()
    for role in (VIEWER, AUTHOR):
        client = signed_in(role)
        assert client.post(f"/admin/principals/group/{group.pk}/add-member/", {"principal": ada.pk}).status_code == 403
        assert "Add a principal" not in text(client.get(f"/admin/principals/group/{group.pk}/change/"))
    assert not ada.groups.exists()


def test_pages_lead_to_revoking_and_restoring() -> None:
    ada, kept = PrincipalFactory(subject="ada smith"), token("live-one")
    owner, viewer = signed_in(OWNER), signed_in(VIEWER)
    revoke = '/admin/incidents/revokedprincipal/add/?subject=ada%20smith&amp;issuer=drawbridge"'
    assert revoke in owner.get(page_of(ada)).content.decode()
    assert revoke not in viewer.get(page_of(ada)).content.decode()
    where = f"/admin/principals/issuedtoken/{kept.jti}/change/"
    assert "/admin/incidents/revokedtoken/add/?jti=live-one" in owner.get(where).content.decode()
    assert "revokedtoken/add" not in viewer.get(where).content.decode()
    row = RevokedPrincipal.objects.create(subject="ada smith", issuer="drawbridge", actor="grace")
    said = owner.get(page_of(ada)).content.decode()
    assert "Revoked by grace" in said
    assert f"/admin/incidents/revokedprincipal/{row.pk}/change/" in said
    assert revoke not in said


def test_a_token_of_nobody_declared_is_said_to_match_nothing() -> None:
    kept = token("live-one", subject="stranger")
    said = text(signed_in(VIEWER).get(f"/admin/principals/issuedtoken/{kept.jti}/change/"))
    assert "the token matches no grant" in said


def test_adding_changes_nobody_who_is_there_already() -> None:
    ada = PrincipalFactory(subject="ada", groups=[GroupFactory(name="finance")])
    page = send(signed_in(OWNER), ADD, {"subject": "ada", "new_groups": "ops"})
    assert "there is one already: a principal of this issuer and subject" in errors(page)["__all__"][0]
    assert [group.name for group in ada.groups.all()] == ["finance"]
