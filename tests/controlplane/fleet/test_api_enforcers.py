"""Enforcers over the API: rows, and what they report in their own signed words."""

import pytest

from controlplane.common.actor import Right
from controlplane.common.redis import connect
from controlplane.fleet import services
from controlplane.fleet.models import Enforcer
from controlplane.receipts.models import Receipt
from enforcer.contract import redis_names
from enforcer.contract.documents import SCHEMA, signed
from enforcer.contract.envelope import PayloadType
from enforcer.contract.fleet import Heartbeat, ServerState
from enforcer.contract.keys import SigningKey
from tests.controlplane.actors import ADA
from tests.controlplane.api.asking import asker, done, problem
from tests.controlplane.factories import ServerFactory
from tests.controlplane.valkeys import Valkey

pytestmark = pytest.mark.django_db
KEY = SigningKey.generate()


@pytest.fixture
def probe() -> Enforcer:
    """In front of files."""
    ServerFactory(id="files")
    credentials = services.credentials(public_key=KEY.public, redis_password="secret-a", broker_password="secret-b")
    return services.enroll(enforcer_id="probe", server_ids=["files"], credentials=credentials, rotate=False, actor=ADA)


def beat(valkey: Valkey, key: SigningKey) -> None:
    """A heartbeat of probe under this key."""
    state = ServerState(snapshot_version=3, incident_epoch=2, in_flight_matching=1, lease_age_s=0.5, problems=("x",),
                        calls_in_flight=6, sessions=2)  # fmt: skip
    heartbeat = Heartbeat(
        schema=SCHEMA, generation=1, issued_at="2026-01-01T00:00:00Z", enforcer_id="probe", boot_nonce="b", counter=7,
        servers={"files": state}, journal_depth=4,
    )  # fmt: skip
    with connect(valkey.url) as client:
        client.set(redis_names.heartbeat("probe"), signed(heartbeat, PayloadType.HEARTBEAT, key), ex=10)


def test_it_is_listed_with_its_servers_and_nothing_that_it_signs_in_with(probe: Enforcer) -> None:
    answer = asker().get("/enforcers?server=files&active=true")
    row = done(answer)["results"][0]
    assert (row["id"], row["servers"], row["public_key"]) == ("probe", ["files"], KEY.public.text)
    assert b"sha256" not in answer.content


def test_one_that_says_nothing_is_silent_and_unknown_where_nobody_can_be_asked(
    probe: Enforcer, data_dir: object
) -> None:
    shown = done(asker().get("/enforcers/probe"))
    assert (shown["known"], shown["report"]) == (False, None)


def test_its_own_word_is_shown_and_a_forged_one_is_not(probe: Enforcer, valkey: Valkey) -> None:
    beat(valkey, KEY)
    shown = done(asker().get("/enforcers/probe"))
    assert shown["known"]
    assert (shown["report"]["counter"], shown["report"]["journal_depth"]) == (7, 4)
    assert shown["report"]["servers"] == [
        {"server_id": "files", "snapshot_version": 3, "snapshot_hash": "", "incident_epoch": 2, "incident_hash": "",
         "in_flight_matching": 1, "calls_in_flight": 6, "sessions": 2, "lease_age_s": 0.5, "problems": ["x"]}
    ]  # fmt: skip
    beat(valkey, SigningKey.generate())
    assert done(asker().get("/enforcers/probe"))["report"] is None


def test_it_is_decommissioned_once(probe: Enforcer) -> None:
    who = asker()
    first = done(who.post("/enforcers/probe/decommission"))["decommissioned_at"]
    assert first is not None
    receipts = Receipt.objects.count()
    assert done(who.post("/enforcers/probe/decommission"))["decommissioned_at"] == first
    assert Receipt.objects.count() == receipts
    assert problem(who.post("/enforcers/other/decommission"))["status"] == 404
    assert problem(asker(Right.VIEW).post("/enforcers/probe/decommission"))["code"] == "manage_fleet"
