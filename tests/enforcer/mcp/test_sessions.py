"""Sessions belong to one principal at one server, end when idle and are bounded in number."""

from enforcer.mcp.sessions import Session, Sessions
from tests.enforcer.mcp.cases import ADA, EVE


def a_table(**settings: float) -> tuple[Sessions, list[Session]]:
    ended: list[Session] = []
    bound = int(settings.pop("max_per_principal", 3))
    return Sessions(on_end=ended.append, max_per_principal=bound, **settings), ended


def opened(sessions: Sessions, principal: tuple[str, str] = ADA, server: str = "files", now: float = 0.0) -> Session:
    session = sessions.open(principal, server, now)
    sessions.established(session, protocol_version="2025-11-25", upstream_session_id=None)
    return session


def test_a_session_is_found_by_its_owner_at_its_server_alone() -> None:
    sessions, _ = a_table()
    session = opened(sessions)
    assert sessions.find(session.id, ADA, "files", 1.0) is session
    assert sessions.find(session.id, EVE, "files", 1.0) is None
    assert sessions.find(session.id, ("other issuer", "ada"), "files", 1.0) is None
    assert sessions.find(session.id, ADA, "mail", 1.0) is None
    assert sessions.find("", ADA, "files", 1.0) is None


def test_sessions_are_counted_by_server() -> None:
    sessions, _ = a_table()
    first, _, _ = opened(sessions), opened(sessions, EVE), opened(sessions, server="mail")
    assert (sessions.count("files"), sessions.count("mail"), sessions.count("other")) == (2, 1, 0)
    sessions.end(first)
    assert sessions.count("files") == 1


def test_a_session_is_not_found_before_the_handshake_was_answered() -> None:
    sessions, _ = a_table()
    session = sessions.open(ADA, "files", 0.0)
    assert sessions.find(session.id, ADA, "files", 0.0) is None
    sessions.established(session, protocol_version="2025-06-18", upstream_session_id="theirs")
    assert sessions.find(session.id, ADA, "files", 0.0) is session


def test_ids_are_long_random_and_visible_ascii() -> None:
    sessions, _ = a_table()
    ids = {opened(sessions).id for _ in range(50)}
    assert len(ids) == 50
    assert all(len(one) >= 32 and one.isascii() and one.isprintable() and " " not in one for one in ids)


def test_an_idle_session_ends_and_a_used_one_does_not() -> None:
    sessions, ended = a_table(idle_s=10.0)
    idle, used = opened(sessions), opened(sessions)
    assert sessions.find(used.id, ADA, "files", 8.0) is used
    assert sessions.find(idle.id, ADA, "files", 11.0) is None
    assert sessions.find(used.id, ADA, "files", 11.0) is used
    assert ended == [idle]


def test_a_session_that_waits_for_an_answer_is_not_idle() -> None:
    sessions, ended = a_table(idle_s=10.0)
    waiting = opened(sessions)
    waiting.in_flight[1] = "d-1"
    sessions.expire(100.0)
    assert ended == []
    waiting.in_flight.clear()
    sessions.expire(100.0)
    assert ended == [waiting]


def test_one_too_many_ends_the_longest_unused_of_the_same_principal_and_server() -> None:
    sessions, ended = a_table(max_per_principal=2)
    strange, other = opened(sessions, EVE), opened(sessions, server="mail")
    first, second = opened(sessions), opened(sessions)
    sessions.find(first.id, ADA, "files", 1.0)
    third = opened(sessions, now=2.0)
    assert ended == [second]
    for session, principal, server in ((strange, EVE, "files"), (other, ADA, "mail"), (third, ADA, "files")):
        assert sessions.find(session.id, principal, server, 3.0) is session


def test_an_ended_session_is_unknown_and_ends_once() -> None:
    sessions, ended = a_table()
    session = opened(sessions)
    sessions.end(session)
    sessions.end(session)
    assert ended == [session]
    assert len(sessions) == 0
    assert sessions.find(session.id, ADA, "files", 0.0) is None


def test_neither_id_of_a_session_shows_the_upstreams() -> None:
    sessions, _ = a_table()
    session = sessions.open(ADA, "files", 0.0)
    sessions.established(session, protocol_version="2025-11-25", upstream_session_id="theirs-1")
    assert "theirs-1" not in repr(session)
    assert "theirs-1" not in session.owner
