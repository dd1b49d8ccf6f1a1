"""Which servers are told of what."""

from datetime import UTC, datetime, timedelta

import pytest

from controlplane.incidents.compile import compile_incident
from controlplane.incidents.models import KillSwitch, Quarantine, RevokedPrincipal, RevokedToken
from controlplane.incidents.services import block_egress, end_egress_block, lower_kill, raise_kill
from controlplane.policy.models import ChangedServer
from enforcer.contract.documents import write
from enforcer.contract.incident import Incident, read_incident
from tests.controlplane.actors import ADA, GRACE
from tests.controlplane.factories import ServerFactory

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 1, 1, tzinfo=UTC)
EVERYWHERE = ["all", "risk:HIGH", "trust:internal", "principal:ada", "group:ops", "session:s1", "enforcer:probe"]
FILES_ONLY = ["server:files", "tool:files/del*", "credential:files"]


def compiled(server_id: str) -> Incident:
    return compile_incident(ServerFactory.build(id=server_id), epoch=3, generation=2, now=NOW)


@pytest.mark.parametrize("target", EVERYWHERE + FILES_ONLY)
def test_every_kind_of_target_reaches_the_servers_that_it_concerns(target: str) -> None:
    ServerFactory(id="files")
    ServerFactory(id="mail")
    raised = raise_kill(target=target, reason="r", actor=ADA, message="off")
    wanted = {"files"} if target in FILES_ONLY else {"files", "mail"}
    assert set(raised.server_ids) == wanted
    assert set(ChangedServer.objects.values_list("server_id", flat=True)) == wanted
    for server_id in ("files", "mail"):
        state = read_incident(write(compiled(server_id)))
        assert [k.target for k in state.kill_switches] == ([target] if server_id in wanted else [])


def test_a_switch_is_told_with_its_message_and_without_its_reason() -> None:
    ServerFactory(id="files")
    raise_kill(target="all", reason="we were broken into", actor=ADA, message="off until noon")
    payload = write(compiled("files"))
    assert b"off until noon" in payload
    assert b"broken into" not in payload


def test_a_lowered_switch_is_gone_and_its_row_stays() -> None:
    ServerFactory(id="files")
    raise_kill(target="all", reason="r", actor=ADA)
    lower_kill(target="all", reason="over", actor=GRACE)
    assert compiled("files").kill_switches == ()
    row = KillSwitch.objects.get()
    assert (row.raised_by, row.lowered_by) == ("ada", "grace")


def test_raising_twice_changes_nothing() -> None:
    ServerFactory(id="files")
    first = raise_kill(target="all", reason="r", actor=ADA)
    again = raise_kill(target="all", reason="r", actor=ADA)
    assert first.change_id is not None
    assert again.change_id is None
    assert again.switch == first.switch


def test_revocations_and_quarantines_are_told_until_they_no_longer_matter() -> None:
    RevokedPrincipal.objects.create(subject="eve", issuer="drawbridge", actor="ada")
    RevokedToken.objects.create(jti="live", expires_at=NOW + timedelta(hours=1), actor="ada")
    RevokedToken.objects.create(jti="just ended", expires_at=NOW - timedelta(seconds=29), actor="ada")
    RevokedToken.objects.create(jti="dead", expires_at=NOW - timedelta(days=2), actor="ada")
    Quarantine.objects.create(target="session:s9", actor="ada")
    state = compiled("files")
    assert [p.subject for p in state.revoked_principals] == ["eve"]
    assert state.revoked_tokens == ("just ended", "live"), "an enforcer's leeway would bring it back"
    assert state.quarantined == ("session:s9",)


def test_a_block_of_egress_is_told_to_the_enforcers_of_its_server_alone() -> None:
    ServerFactory(id="files")
    ServerFactory(id="mail")
    done = block_egress(server="files", reason="it calls home", actor=ADA)
    assert done.server_ids == ("files",)
    assert list(ChangedServer.objects.values_list("server_id", flat=True)) == ["files"]
    assert compiled("files").egress_blocked
    assert b"egress" not in write(compiled("mail"))
    assert b"calls home" not in write(compiled("files"))
    end_egress_block(server="files", reason="over", actor=GRACE)
    assert not compiled("files").egress_blocked
