"""Edits that touch one another's servers, beside each other; on both databases."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, transaction

from controlplane.incidents.services import raise_kill
from controlplane.policy import edits
from controlplane.policy.models import ChangedServer
from enforcer.contract.strict_json import JsonObject
from tests.controlplane.actors import ADA, GRACE
from tests.controlplane.factories import GroupFactory, PrincipalFactory, ServerFactory, trust_level

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def held_open(edit: Callable[[], object]) -> Iterator[None]:
    """The edit is made, and not committed before the other one has returned or had the time to."""
    made, other = threading.Event(), threading.Event()

    def work() -> None:
        with transaction.atomic():
            edit()
            made.set()
            other.wait(0.5)
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    assert made.wait(10)
    try:
        yield
    finally:
        other.set()
        thread.join()


def test_who_leaves_a_group_leaves_it_on_the_server_that_the_group_is_just_being_granted() -> None:
    ServerFactory(id="files")
    PrincipalFactory(subject="ada", groups=[GroupFactory(name="writers")])
    grant: JsonObject = {"id": "new", "group": "writers", "server": "files", "tools": ["*"]}
    with held_open(lambda: edits.save(section="grants", item=grant, actor=GRACE)):
        changes = edits.save(section="principals", item={"subject": "ada"}, actor=GRACE).change_ids
    assert ChangedServer.objects.filter(change_id__in=changes, server_id="files").exists()


def test_a_switch_for_all_stops_the_server_that_is_just_being_added() -> None:
    trust_level("internal")
    server: JsonObject = {"id": "new", "trust_level": "internal"}
    with held_open(lambda: edits.save(section="servers", item=server, actor=GRACE)):
        raised = raise_kill(target="all", reason="a test", actor=ADA)
    assert raised.server_ids == ("new",)


def test_two_who_raise_one_switch_raise_it_once() -> None:
    ServerFactory(id="files")
    with held_open(lambda: raise_kill(target="server:files", reason="first", actor=ADA)):
        second = raise_kill(target="server:files", reason="second", actor=GRACE)
    assert second.change_id is None
    assert second.switch is not None
    assert second.switch.reason == "first"
