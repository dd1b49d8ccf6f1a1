import pytest
from django.db import IntegrityError, transaction

from controlplane.inventory.models import Server, Tool, TrustLevel
from controlplane.inventory.services import delete_tool, write_tool
from controlplane.inventory.specs import ToolSpec, TrustLevelSpec, default_trust_level
from enforcer.contract.levels import Risk
from enforcer.contract.levels import TrustLevel as Level
from tests.controlplane.factories import ServerFactory, ToolFactory

pytestmark = pytest.mark.django_db


def test_the_four_trust_levels_are_there_with_their_defaults() -> None:
    for name in Level:
        row = TrustLevel.objects.get(name=name)
        wanted = default_trust_level(name)
        assert {f: getattr(row, f) for f in TrustLevelSpec.__slots__} == {
            f: getattr(wanted, f) for f in wanted.__slots__
        }


def test_declaring_a_discovered_tool_reviews_it() -> None:
    tool = ToolFactory(declared=False, state="unreviewed", pin="sha256:" + "0" * 64)
    spec = ToolSpec(server_id=tool.server_id, name=tool.name, risk=Risk.HIGH, input_schema=tool.input_schema)
    write_tool(spec)
    tool.refresh_from_db()
    assert (tool.declared, tool.state, tool.pin, tool.risk) == (True, "reviewed", "", "HIGH")


def test_a_discovered_tool_is_never_deleted() -> None:
    tool = ToolFactory(declared=False)
    delete_tool(tool.server_id, tool.name)
    assert Tool.objects.filter(pk=tool.pk).exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "Files"},
        {"id": "a\n"},
        {"credential_mode": "passthrough"},
        {"sandbox_fs": "all"},
        {"timeout_s": 0},
    ],
)
def test_the_database_refuses_a_server_out_of_its_closed_sets(wrong: dict[str, object]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ServerFactory(**wrong)
    assert not Server.objects.exists()


@pytest.mark.parametrize("wrong", [{"risk": "SOME"}, {"state": "fine"}, {"name": ""}])
def test_the_database_refuses_a_tool_out_of_its_closed_sets(wrong: dict[str, object]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ToolFactory(**wrong)


def test_equal_names_on_two_servers_are_two_tools_and_twice_on_one_is_refused() -> None:
    tool = ToolFactory(name="read")
    ToolFactory(name="read")
    with pytest.raises(IntegrityError), transaction.atomic():
        ToolFactory(server=tool.server, name="read")
