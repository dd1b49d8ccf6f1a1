"""Before a switch is raised, its page says what is under way now: enforcers' own words, added up."""

import time

import pytest
from pytest_django import Settings

from controlplane.common.redis import TIMEOUT_S, connect
from controlplane.fleet import services
from controlplane.incidents.effect import effect_lines
from enforcer.contract import redis_names
from enforcer.contract.documents import SCHEMA, signed
from enforcer.contract.envelope import PayloadType
from enforcer.contract.fleet import Heartbeat, ServerState
from enforcer.contract.keys import SigningKey
from enforcer.contract.times import to_text
from tests.controlplane.actors import ADA
from tests.controlplane.factories import ServerFactory
from tests.controlplane.valkeys import Valkey

pytestmark = pytest.mark.django_db


@pytest.fixture
def keys(valkey: Valkey) -> dict[str, SigningKey]:
    """Of two enforcers: one in front of files and mail, one in front of mail."""
    made = {"one": SigningKey.generate(), "two": SigningKey.generate()}
    for server in ("files", "mail"):
        ServerFactory(id=server)
    for id_, servers in (("one", ["files", "mail"]), ("two", ["mail"])):
        credentials = services.credentials(public_key=made[id_].public, redis_password="a", broker_password="b")
        services.enroll(enforcer_id=id_, server_ids=servers, credentials=credentials, rotate=False, actor=ADA)
    return made


def beat(valkey: Valkey, id_: str, key: SigningKey, **servers: tuple[int, int]) -> None:
    states = {
        server: ServerState(
            snapshot_version=1, incident_epoch=1, in_flight_matching=0, calls_in_flight=calls, sessions=sessions
        )
        for server, (calls, sessions) in servers.items()
    }
    heartbeat = Heartbeat(
        schema=SCHEMA, generation=1, issued_at=to_text(time.time()), enforcer_id=id_, boot_nonce="b", counter=1,
        servers=states, journal_depth=0,
    )  # fmt: skip
    with connect(valkey.url) as client:
        client.set(redis_names.heartbeat(id_), signed(heartbeat, PayloadType.HEARTBEAT, key), ex=10)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("all", "7 calls, 3 open sessions"),
        ("server:files", "1 call, 1 open session"),
        ("server:mail", "6 calls, 2 open sessions"),
        ("enforcer:one", "3 calls, 1 open session"),
        ("credential:files", "1 call, 1 open session"),
        ("tool:mail/send", "6 calls, 2 open sessions, not only of this target"),
        ("principal:alice", "0 calls, 0 open sessions, not only of this target"),
    ],
)
def test_calls_and_sessions_of_its_servers_are_added_up(
    keys: dict[str, SigningKey], valkey: Valkey, target: str, said: str
) -> None:
    beat(valkey, "one", keys["one"], files=(1, 1), mail=(2, 0))
    beat(valkey, "two", keys["two"], mail=(4, 2))
    found = [line for line in effect_lines(target) if line.startswith("Under way")]
    assert found in ([f"Under way there now: {said}"], [])
    assert found or target == "principal:alice"  # who has no grant anywhere has no servers


def test_the_silent_and_the_forged_are_not_counted_as_nothing(keys: dict[str, SigningKey], valkey: Valkey) -> None:
    beat(valkey, "two", keys["one"], mail=(4, 2))
    beat(valkey, "one", keys["one"], mail=(2, 0))
    assert "Under way there now: 2 calls, 0 open sessions; 1 of 2 enforcers say so" in effect_lines("server:mail")


def test_where_nobody_can_be_asked_nothing_is_claimed(
    keys: dict[str, SigningKey], valkey: Valkey, settings: Settings
) -> None:
    settings.REDIS_URL = ""
    assert "What is under way there nobody can say now: Redis can’t be reached" in effect_lines("server:mail")


def test_a_redis_that_hangs_holds_nobody_up(keys: dict[str, SigningKey], valkey: Valkey) -> None:
    effect_lines("server:mail")  # whatever is imported, and asked for the first time
    valkey.freeze()
    try:
        began = time.monotonic()
        lines = effect_lines("server:mail")
        took = time.monotonic() - began
    finally:
        valkey.thaw()
    assert "What is under way there nobody can say now: Redis can’t be reached" in lines
    assert took < TIMEOUT_S, "less than the pages that only look may wait"
