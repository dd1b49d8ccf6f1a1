"""Edits that touch one another's servers, beside each other; on both databases."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, transaction

from controlplane.grants.services import issue_grant
from controlplane.grants.specs import GrantSpec
from controlplane.incidents.services import raise_kill
from controlplane.inventory.services import save_server
from controlplane.inventory.specs import ServerSpec
from controlplane.policy.models import ChangedServer
from controlplane.principals.services import save_principal
from controlplane.principals.specs import PrincipalSpec
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
    grant = GrantSpec(key="new", group="writers", server_id="files", tools=["*"])
    with held_open(lambda: issue_grant(grant=grant, actor="grace")):
        ada = PrincipalSpec(subject="ada", issuer="drawbridge", groups=[])
        change = save_principal(principal=ada, actor="grace")
    assert ChangedServer.objects.filter(change_id=change, server_id="files").exists()


def test_a_switch_for_all_stops_the_server_that_is_just_being_added() -> None:
    trust_level("internal")
    server = ServerSpec(id="new", title="", trust_level_id="internal")
    with held_open(lambda: save_server(server=server, actor="grace")):
        raised = raise_kill(target="all", reason="a test", actor="ada")
    assert raised.server_ids == ("new",)


def test_two_who_raise_one_switch_raise_it_once() -> None:
    ServerFactory(id="files")
    with held_open(lambda: raise_kill(target="server:files", reason="first", actor="ada")):
        second = raise_kill(target="server:files", reason="second", actor="grace")
    assert second.change_id is None
    assert second.switch is not None
    assert second.switch.reason == "first"
