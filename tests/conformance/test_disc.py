from tests.support.system import System


def test_DISC_01_a_tool_that_is_not_permitted_is_absent_from_the_list(system: System, grace: str) -> None:
    assert "other" not in system.caller("gate", grace).tools()


def test_DISC_02_a_permitted_tool_is_present_in_the_list(system: System, grace: str) -> None:
    assert "note" in system.caller("gate", grace).tools()


def test_DISC_03_two_principals_see_different_lists(system: System, ada: str, grace: str) -> None:
    assert system.caller("gate", ada).tools() == ["note", "other"]
    assert system.caller("gate", grace).tools() == ["note"]
    assert system.caller("gate", system.token("nobody")).tools() == []
