"""The page of metrics is held to what the control plane really exposes."""

import time

import pytest
from django.utils import timezone

from controlplane.fleet.models import Enforcer
from controlplane.observability.metrics import Everything
from controlplane.observability.services import INGEST, beat
from controlplane.policy import waiting
from controlplane.policy.services import policy_changed
from tests.controlplane.actors import ADA
from tests.controlplane.factories import ServerFactory
from tests.controlplane.observability.test_metrics import says
from tests.controlplane.receipts.sending import Sender
from tests.controlplane.running import RunningPublisher
from tests.controlplane.valkeys import Valkey
from tests.support.metrics_page import rows, table


@pytest.mark.django_db(transaction=True)
def test_the_page_lists_exactly_what_the_control_plane_exposes(valkey: Valkey, broker: Valkey) -> None:
    gate = Sender("gate").enrol()
    Enforcer.objects.get(id="gate").servers.add(ServerFactory(id="files"))
    beat(part=INGEST, at=timezone.now())
    with RunningPublisher():
        assert waiting.wait_published(policy_changed(server_ids=["files"], actor=ADA, reason="a test"), 10)
    says(gate, valkey)
    began = time.monotonic()
    exposed = rows(Everything().collect())
    assert exposed == table("Control plane"), "\n".join(exposed)
    assert time.monotonic() - began < 5
