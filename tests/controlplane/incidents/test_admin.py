"""Pages of kill switches, revocations and quarantines, as people of different roles see them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from controlplane.accounts.sessions import BEGAN
from controlplane.incidents import services
from controlplane.incidents.lowering import lower_by_two
from controlplane.incidents.models import EgressBlock, KillSwitch, Quarantine, RevokedPrincipal, RevokedToken
from controlplane.policy.models import Change, Kind
from controlplane.principals.models import IssuedToken
from enforcer.contract.targets import parse_target
from tests.controlplane.actors import ADA
from tests.controlplane.commands import run
from tests.controlplane.factories import GrantFactory, GroupFactory, PrincipalFactory, ServerFactory, ToolFactory
from tests.controlplane.fleet.fake_enforcer import FakeEnforcer
from tests.controlplane.people import HOSTILE, assert_inert, client_of, person
from tests.controlplane.running import RunningPublisher
from tests.controlplane.valkeys import Valkey
from tests.support.processes import wait_for

pytestmark = pytest.mark.django_db
SWITCHES = "/admin/incidents/killswitch/"
PRINCIPALS = "/admin/incidents/revokedprincipal/"
TOKENS = "/admin/incidents/revokedtoken/"
QUARANTINES = "/admin/incidents/quarantine/"
BLOCKS = "/admin/incidents/egressblock/"
LISTS = (SWITCHES, PRINCIPALS, TOKENS, QUARANTINES, BLOCKS)


def page(client: Client, url: str, **given: str) -> str:
    response = client.get(url, given)
    assert response.status_code == 200, response.status_code
    return response.content.decode()


def post(client: Client, url: str, **given: str) -> Any:
    return client.post(url, given, follow=True)


def raised(target: str = "server:files", reason: str = "broken into") -> KillSwitch:
    switch = services.raise_kill(target=target, reason=reason, actor=ADA).switch
    assert switch
    return switch


@pytest.fixture(autouse=True)
def _files() -> None:
    ServerFactory(id="files")


def test_a_responder_raises_a_switch_on_one_page_and_sees_who_confirms() -> None:
    answer = post(client_of("responder"), SWITCHES + "add/", target="server:files", reason="broken into")
    switch = KillSwitch.objects.get()
    assert (switch.target, switch.raised_by, switch.reason) == ("server:files", "paul", "broken into")
    assert answer.redirect_chain == [(f"{SWITCHES}{switch.pk}/change/", 302)]
    text = answer.content.decode()
    assert "Raised: server:files" in text
    change = Change.objects.get(kind=Kind.INCIDENT)
    assert text.count(f'hx-get="/parts/changes/{change.pk}/"') == 2, "in the message, and on the page for good"


def test_the_page_tells_live_when_the_fleet_has_confirmed(
    transactional_db: None, valkey: Valkey, broker: Valkey, data_dir: Path
) -> None:
    with RunningPublisher():
        assert run("enroll", "one", "--server", "files").code == 0
        with FakeEnforcer("one", ["files"], data_dir / "enforcers" / "one", valkey) as fake:
            fake.in_flight = 1
            client = client_of("responder")
            text = post(client, SWITCHES + "add/", target="server:files", reason="broken into").content.decode()
            part = text.split('hx-get="/parts/changes/')[1].split('"')[0]
            url = f"/parts/changes/{part}"
            wait_for(lambda: "published 1 of 1" in page(client, url), "the publisher")
            assert "applied 0 of 1" in page(client, url), "a call that it stops is still in flight"
            fake.in_flight = 0
            wait_for(lambda: "applied 1 of 1" in page(client, url), "the enforcer")
            assert f'hx-get="{url}"' not in page(client, url), "nothing is left to wait for"


@pytest.mark.parametrize("target", ["everything", "server:UPPER", "risk:HUGE", "tool:files", "principal:"])
def test_a_wrong_target_is_told_at_its_field_in_the_contracts_words(target: str) -> None:
    text = post(client_of("responder"), SWITCHES + "add/", target=target, reason="r").content.decode()
    problem = parse_target(target)
    assert isinstance(problem, str)
    assert problem.replace("'", "&#x27;") in text
    assert not KillSwitch.objects.exists()


def test_an_unknown_server_is_told_at_the_target() -> None:
    text = post(client_of("responder"), SWITCHES + "add/", target="server:fles", reason="r").content.decode()
    assert "there is no server &#x27;fles&#x27;" in text
    assert not KillSwitch.objects.exists()


def test_a_switch_needs_a_reason() -> None:
    post(client_of("responder"), SWITCHES + "add/", target="all", reason=" ")
    assert not KillSwitch.objects.exists()


def test_the_target_can_come_with_the_address_and_what_it_stops_stands_there() -> None:
    ToolFactory(server_id="files", name="fs_delete")
    ToolFactory(server_id="files", name="read")
    text = page(client_of("responder"), SWITCHES + "add/", target="tool:files/fs_*")
    assert 'value="tool:files/fs_*"' in text
    assert "Of 1 tool: fs_delete" in text


def test_a_switch_may_be_raised_for_a_time() -> None:
    post(client_of("responder"), SWITCHES + "add/", target="all", reason="r", expires_at="2099-01-31 12:00")
    switch = KillSwitch.objects.get()
    assert f"{switch.expires_at:%Y-%m-%d %H:%M}" == "2099-01-31 12:00"
    assert "31 Jan 2099 12:00:00 UTC" in page(client_of("viewer", username="v9"), f"{SWITCHES}{switch.pk}/change/")


def test_raising_what_is_raised_says_so() -> None:
    switch = raised()
    answer = post(client_of("responder"), SWITCHES + "add/", target="server:files", reason="again")
    assert "It was raised already" in answer.content.decode()
    assert KillSwitch.objects.get() == switch


def test_raised_switches_come_first() -> None:
    old = raised("all")
    services.lower_kill(target="server:files", reason="", actor=ADA)
    lowered = raised()
    services.lower_kill(target="server:files", reason="over", actor=ADA)
    newer = raised("risk:HIGH")
    text = page(client_of("viewer"), SWITCHES)
    at = [text.index(f"{SWITCHES}{switch.pk}/change/", text.index("result_list")) for switch in (newer, old, lowered)]
    assert at == sorted(at)
    assert '<span class="badge bad">raised</span>' in text
    assert page(client_of("viewer", username="v2"), SWITCHES, state="lowered").count("badge bad") == 0


@pytest.mark.parametrize("role", ["viewer", "auditor", "approver"])
def test_whoever_may_not_raise_finds_no_button_and_no_page(role: str) -> None:
    client = client_of(role)
    assert "Raise a kill switch" not in page(client, SWITCHES)
    for url in LISTS:
        assert client.get(url + "add/").status_code == 403
        assert client.post(url + "add/", {"target": "all", "reason": "r"}).status_code == 403
    assert not KillSwitch.objects.exists()


def test_a_responder_sees_a_switch_and_may_not_lower_it() -> None:
    switch, client = raised(), client_of("responder")
    assert "Lower…" not in page(client, f"{SWITCHES}{switch.pk}/change/")
    assert client.post(f"{SWITCHES}{switch.pk}/lower/", {"reason": "r"}).status_code == 403
    assert KillSwitch.objects.get().lowered_at is None


def test_lowering_shows_first_what_comes_back_and_what_stays_stopped() -> None:
    ToolFactory(server_id="files", name="read")
    GrantFactory(server_id="files", principal=PrincipalFactory(subject="alice"))
    GrantFactory(server_id="files", principal=None, group=GroupFactory(name="g"))
    switch = raised()
    raised("all")
    ServerFactory(id="mail")
    raised("server:mail")
    text = page(client_of("policy owner"), f"{SWITCHES}{switch.pk}/lower/")
    assert "Calls of 1 principal: alice with a grant there" in text
    assert "On 1 server: files" in text
    assert "Of 1 tool: read" in text
    assert "Still raised, and so still stopped: all" in text
    assert "server:mail" not in text.split('class="effect"')[1].split("</ul>")[0]


def test_a_policy_owner_lowers_with_a_reason() -> None:
    switch, client = raised(), client_of("policy owner")
    lower_by_two(target="server:files", reason="please", actor=ADA)
    post(client, f"{SWITCHES}{switch.pk}/lower/", reason="")
    assert KillSwitch.objects.get().lowered_at is None
    answer = post(client, f"{SWITCHES}{switch.pk}/lower/", reason="over")
    switch.refresh_from_db()
    assert (switch.lowered_by, switch.lowered_reason) == ("paul", "over")
    assert "Lowered: server:files" in answer.content.decode()


def test_one_person_asks_and_another_one_lowers() -> None:
    switch, first, second = raised(), client_of("policy owner"), client_of("admin", username="grace")
    assert "Ask to lower…" in page(first, f"{SWITCHES}{switch.pk}/change/")
    asking = page(first, f"{SWITCHES}{switch.pk}/lower/")
    assert "somebody else has to lower it" in asking
    answer = post(first, f"{SWITCHES}{switch.pk}/lower/", reason="it is mended")
    assert "A second person has to lower it now" in answer.content.decode()
    switch.refresh_from_db()
    assert (switch.lowered_at, switch.asked_by, switch.asked_reason) == (None, "paul", "it is mended")
    assert "You asked for it" in page(first, f"{SWITCHES}{switch.pk}/change/")
    refused = post(first, f"{SWITCHES}{switch.pk}/lower/", reason="again")
    assert "somebody else has to lower it" in refused.content.decode()
    assert "Lower the switch on <code>server:files</code>" in page(second, "/")
    assert "paul asked for it: it is mended" in page(second, f"{SWITCHES}{switch.pk}/lower/")
    post(second, f"{SWITCHES}{switch.pk}/lower/", reason="seen")
    switch.refresh_from_db()
    assert (switch.lowered_by, switch.lowered_reason) == ("grace", "seen")


def test_the_second_person_may_keep_it_raised() -> None:
    switch, second = raised(), client_of("responder", username="rita")
    lower_by_two(target="server:files", reason="please", actor=ADA)
    assert f"{SWITCHES}{switch.pk}/keep/" in page(second, f"{SWITCHES}{switch.pk}/change/")
    post(second, f"{SWITCHES}{switch.pk}/keep/", reason="not yet")
    switch.refresh_from_db()
    assert (switch.asked_by, switch.lowered_at) == ("", None)
    assert "Ask to lower…" in page(client_of("policy owner"), f"{SWITCHES}{switch.pk}/change/")


def test_where_one_person_is_enough_nobody_is_asked(settings: Settings) -> None:
    settings.KILL_LOWER_SECOND_PERSON = False
    switch, client = raised(), client_of("policy owner")
    post(client, f"{SWITCHES}{switch.pk}/lower/", reason="over")
    switch.refresh_from_db()
    assert switch.lowered_by == "paul"


def test_lowering_everything_wants_the_word_typed() -> None:
    switch, client = raised("all"), client_of("admin")
    lower_by_two(target="all", reason="please", actor=ADA)
    post(client, f"{SWITCHES}{switch.pk}/lower/", reason="over", typed="yes")
    assert KillSwitch.objects.get().lowered_at is None
    post(client, f"{SWITCHES}{switch.pk}/lower/", reason="over", typed="all")
    assert KillSwitch.objects.get().lowered_at is not None


def test_a_look_at_a_page_changes_nothing() -> None:
    switch, client = raised(), client_of("admin", "responder")
    assert client.post(f"{SWITCHES}{switch.pk}/change/", {"target": "all"}).status_code == 403
    assert client.get(f"{SWITCHES}{switch.pk}/delete/").status_code == 403
    assert client.get(f"{SWITCHES}{switch.pk}/history/").status_code == 404
    client.get(f"{SWITCHES}{switch.pk}/lower/")
    assert KillSwitch.objects.get().lowered_at is None
    assert client.get(f"{SWITCHES}999/change/").status_code == 404
    assert client.get(f"{SWITCHES}x/lower/").status_code == 404


def test_lowering_asks_for_the_password_again_once_the_sign_in_is_old() -> None:
    user = person("policy owner")
    user.set_password("correct-horse-battery")
    user.save()
    client = Client()
    client.force_login(user)
    switch = raised()
    lower_by_two(target="server:files", reason="please", actor=ADA)
    url = f"{SWITCHES}{switch.pk}/lower/"
    assert client.get(url).status_code == 200
    session = client.session
    session[BEGAN] -= 301
    session.save()
    asked = client.post(url, {"reason": "over"})
    assert asked.headers["Location"].startswith("/accounts/reauthenticate/?next=")
    assert KillSwitch.objects.get().lowered_at is None
    client.post(asked.headers["Location"], {"password": "correct-horse-battery", "next": url})
    assert KillSwitch.objects.get().lowered_by == "paul", "what was asked for goes on after it"
    assert client.get(SWITCHES + "add/").status_code in (200, 403), "raising never asks"


def token(jti: str = "j1") -> IssuedToken:
    now = datetime.now(UTC)
    return IssuedToken.objects.create(
        jti=jti, subject="eve", issued_by="ada", issued_at=now, expires_at=now + timedelta(hours=1)
    )


def test_a_principal_is_revoked_and_restored() -> None:
    PrincipalFactory(subject="eve")
    responder, owner = client_of("responder"), client_of("policy owner", username="olga")
    assert 'value="eve"' in page(responder, PRINCIPALS + "add/", subject="eve")
    answer = post(responder, PRINCIPALS + "add/", subject="eve", issuer="drawbridge", reason="leaked")
    row = RevokedPrincipal.objects.get()
    assert (row.subject, row.actor, row.reason) == ("eve", "paul", "leaked")
    assert "Revoked eve" in answer.content.decode()
    assert responder.post(f"{PRINCIPALS}{row.pk}/restore/", {"reason": "r"}).status_code == 403
    answer = post(owner, f"{PRINCIPALS}{row.pk}/restore/", reason="new laptop")
    assert "A second person has to do it now: Restore eve" in answer.content.decode()
    assert RevokedPrincipal.objects.exists()
    assert "You asked for it" in page(owner, f"{PRINCIPALS}{row.pk}/change/")
    assert "you asked for it" in post(owner, f"{PRINCIPALS}{row.pk}/restore/", reason="again").content.decode()
    second = client_of("admin", username="gina")
    assert "olga asked for it: new laptop" in page(second, f"{PRINCIPALS}{row.pk}/restore/")
    assert "asked by olga" in page(second, "/")
    answer = post(second, f"{PRINCIPALS}{row.pk}/restore/", reason="seen")
    assert "Done: Restore eve" in answer.content.decode()
    assert not RevokedPrincipal.objects.exists()


def test_who_revokes_again_answers_with_no() -> None:
    PrincipalFactory(subject="eve")
    responder, owner = client_of("responder"), client_of("policy owner", username="olga")
    for _ in range(2):
        post(responder, PRINCIPALS + "add/", subject="eve", issuer="drawbridge", reason="leaked")
        row = RevokedPrincipal.objects.get()
        assert row.asked_by == ""
        post(owner, f"{PRINCIPALS}{row.pk}/restore/", reason="new laptop")
        row.refresh_from_db()
        assert row.asked_by == "olga"
    second = client_of("admin", username="gina")
    post(responder, PRINCIPALS + "add/", subject="eve", issuer="drawbridge", reason="no")
    post(second, f"{PRINCIPALS}{row.pk}/restore/", reason="seen")
    assert RevokedPrincipal.objects.get().asked_by == "gina"


def test_the_egress_of_a_server_is_blocked_by_one_and_given_back_by_two() -> None:
    responder, owner = client_of("responder"), client_of("policy owner", username="olga")
    assert "started anew without a network" in page(responder, BLOCKS + "add/")
    answer = post(responder, BLOCKS + "add/", server="files", reason="calls home")
    assert "Blocked the egress of files" in answer.content.decode()
    row = EgressBlock.objects.get()
    assert (row.server_id, row.actor, row.reason) == ("files", "paul", "calls home")
    post(owner, f"{BLOCKS}{row.pk}/end/", reason="looked at")
    post(client_of("admin", username="gina"), f"{BLOCKS}{row.pk}/end/", reason="seen")
    assert not EgressBlock.objects.exists()
    assert Change.objects.filter(kind=Kind.INCIDENT).count() == 2


def test_an_unknown_principal_is_told_above_the_form() -> None:
    answer = post(client_of("responder"), PRINCIPALS + "add/", subject="evve", issuer="drawbridge", reason="r")
    assert "there is no principal" in answer.content.decode()


def test_a_token_is_revoked_for_good() -> None:
    token()
    client = client_of("responder", "admin")
    post(client, TOKENS + "add/", jti="j1", reason="leaked")
    row = RevokedToken.objects.get()
    assert "A revoked token stays revoked" in page(client, f"{TOKENS}{row.pk}/change/")
    for way in ("restore", "end", "delete"):
        post(client, f"{TOKENS}{row.pk}/{way}/", reason="r")
    assert RevokedToken.objects.get() == row


def test_a_token_of_another_issuer_needs_its_end() -> None:
    client = client_of("responder")
    assert "say when it ends" in post(client, TOKENS + "add/", jti="theirs", reason="r").content.decode()
    post(client, TOKENS + "add/", jti="theirs", reason="r", expires_at="2099-01-31 12:00")
    assert RevokedToken.objects.get().expires_at == datetime(2099, 1, 31, 12, tzinfo=UTC)


def test_a_session_is_quarantined_until_somebody_ends_it() -> None:
    client, second = client_of("responder", "policy owner"), client_of("admin", username="gina")
    post(client, QUARANTINES + "add/", target="session:s9", reason="odd")
    row = Quarantine.objects.get()
    post(client, f"{QUARANTINES}{row.pk}/end/", reason="looked at")
    assert Quarantine.objects.exists()
    post(second, f"{QUARANTINES}{row.pk}/end/", reason="seen")
    assert not Quarantine.objects.exists()


def test_one_person_is_enough_where_the_host_says_so(settings: Settings) -> None:
    settings.KILL_LOWER_SECOND_PERSON = False
    client = client_of("responder", "policy owner")
    post(client, QUARANTINES + "add/", target="session:s9", reason="odd")
    post(client, f"{QUARANTINES}{Quarantine.objects.get().pk}/end/", reason="looked at")
    assert not Quarantine.objects.exists()


def test_only_a_principal_or_session_can_be_quarantined() -> None:
    answer = post(client_of("responder"), QUARANTINES + "add/", target="server:files", reason="r")
    assert "write principal:SUBJECT or session:ID" in answer.content.decode()


def test_hostile_text_is_inert_on_every_page() -> None:
    client = client_of("admin", "responder", "policy owner")
    switch = raised(f"principal:{HOSTILE}", HOSTILE)
    PrincipalFactory(subject=HOSTILE)
    services.revoke_principal(subject=HOSTILE, reason=HOSTILE, actor=ADA)
    services.quarantine(target=f"session:{HOSTILE}", reason=HOSTILE, actor=ADA)
    services.revoke_token(jti="j", reason=HOSTILE, actor=ADA, expires_at=datetime(2099, 1, 1, tzinfo=UTC))
    one, held, gone = RevokedPrincipal.objects.get(), Quarantine.objects.get(), RevokedToken.objects.get()
    for url in (
        *LISTS,
        f"{SWITCHES}{switch.pk}/change/",
        f"{SWITCHES}{switch.pk}/lower/",
        f"{PRINCIPALS}{one.pk}/change/",
        f"{PRINCIPALS}{one.pk}/restore/",
        f"{QUARANTINES}{held.pk}/change/",
        f"{QUARANTINES}{held.pk}/end/",
        f"{TOKENS}{gone.pk}/change/",
    ):
        assert_inert(page(client, url))
    assert_inert(page(client, SWITCHES + "add/", target=f"principal:{HOSTILE}"))
    assert_inert(page(client, SWITCHES + "effect/", target=f"group:{HOSTILE}"))
    services.lower_kill(target=switch.target, reason=HOSTILE, actor=ADA)
    assert_inert(page(client, f"{SWITCHES}{switch.pk}/change/"))


@pytest.mark.parametrize("url", LISTS)
def test_a_list_takes_as_many_queries_for_sixty_rows_as_for_one(url: str, django_assert_max_num_queries: Any) -> None:
    end = datetime(2099, 1, 1, tzinfo=UTC)
    KillSwitch.objects.bulk_create(KillSwitch(target=f"tool:files/{n}", raised_by="ada") for n in range(60))
    RevokedPrincipal.objects.bulk_create(RevokedPrincipal(subject=f"s{n}", issuer="i") for n in range(60))
    RevokedToken.objects.bulk_create(RevokedToken(jti=f"j{n}", expires_at=end) for n in range(60))
    Quarantine.objects.bulk_create(Quarantine(target=f"session:{n}") for n in range(60))
    client = client_of("viewer")
    with django_assert_max_num_queries(14):
        page(client, url)


@pytest.mark.parametrize(
    "target", ["all", "server:files", "tool:files/*", "risk:LOW", "trust:internal", "principal:alice", "group:g",
               "session:s", "credential:files", "enforcer:one"],
)  # fmt: skip
def test_the_effect_of_every_kind_of_target_is_told_in_few_queries(
    target: str, django_assert_max_num_queries: Any
) -> None:
    alice = PrincipalFactory(subject="alice", groups=[GroupFactory(name="g")])
    GrantFactory(server_id="files", principal=alice)
    ToolFactory.create_batch(30, server_id="files")
    client = client_of("responder")
    with django_assert_max_num_queries(19):
        text = page(client, SWITCHES + "effect/", target=target)
    assert 'class="effect"' in text


def test_a_page_of_a_switch_takes_few_queries(django_assert_max_num_queries: Any) -> None:
    switch = raised("all")
    client = client_of("policy owner")
    for url, most in ((f"{SWITCHES}{switch.pk}/change/", 23), (f"{SWITCHES}{switch.pk}/lower/", 19)):
        with django_assert_max_num_queries(most):
            page(client, url)
