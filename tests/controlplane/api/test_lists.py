"""Pages, orders and filters: what is on the list of a view, and nothing else."""

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from controlplane.incidents.models import KillSwitch
from tests.controlplane.api.asking import Asker, asker, done, problem

pytestmark = pytest.mark.django_db


@pytest.fixture
def switches() -> list[int]:
    """Seven, by id."""
    made = [
        KillSwitch.objects.create(target=f"session:{number}", reason="x", raised_by="ada", lowered_by="")
        for number in range(7)
    ]
    return [row.pk for row in made]


def walk(who: Asker, path: str) -> list[int]:
    """The ids of all pages."""
    found: list[int] = []
    following: str | None = path
    while following:
        page: dict[str, Any] = done(who.get(following))
        found += [row["id"] for row in page["results"]]
        following = page["next"] and page["next"].removeprefix("/api/v1")
    return found


def test_pages_hold_every_row_once_in_either_order(switches: list[int]) -> None:
    who = asker()
    assert walk(who, "/kill-switches?limit=3&order=id") == switches
    assert walk(who, "/kill-switches?limit=7&order=-id") == switches[::-1]
    assert walk(who, "/kill-switches?limit=1") == switches[::-1]


def test_a_page_goes_on_where_it_was_whatever_has_been_added(switches: list[int]) -> None:
    who = asker()
    first = done(who.get("/kill-switches?limit=3"))
    KillSwitch.objects.create(target="all", reason="x", raised_by="ada")
    rest = walk(who, first["next"].removeprefix("/api/v1"))
    assert [row["id"] for row in first["results"]] + rest == switches[::-1]


def test_filters_stay_on_the_pages_that_follow(switches: list[int]) -> None:
    KillSwitch.objects.filter(pk__in=switches[:4]).update(lowered_at="2026-01-01T00:00Z", lowered_by="ada")
    assert walk(asker(), "/kill-switches?limit=2&raised=false&order=id") == switches[:4]


@pytest.mark.parametrize(
    "query",
    [
        "nothing=1",
        "target__startswith=a",
        "raised_by=ada",
        "target=a&target=b",
        "target=",
        "target=%00",
        "raised=maybe",
        "limit=0",
        "limit=201",
        "limit=x",
        "limit=-1",
        "limit=1e9",
        "order=reason",
        "order=--id",
        "order=?",
        "cursor=x",
        "cursor=WzFd",
        "cursor=%C3%A9",
        "dry_run=true",
        "format=json",
    ],
)
def test_a_parameter_that_is_not_on_the_list_or_can_not_be_meant_is_400(query: str) -> None:
    said = problem(asker().get(f"/kill-switches?{query}"))
    assert said["status"] == 400
    assert said["errors"][0]["parameter"] == query.partition("=")[0]


def test_a_cursor_of_another_order_is_refused(switches: list[int]) -> None:
    following = done(asker().get("/kill-switches?limit=3&order=id"))["next"].removeprefix("/api/v1")
    assert problem(asker().get(following.replace("order=id", "order=-id")))["status"] == 400


def test_a_page_costs_as_many_queries_as_it_has_kinds_of_rows(
    switches: list[int], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    who = asker()
    who.get("/kill-switches")  # the first request of a minute writes the shared count
    with django_assert_max_num_queries(2):  # the token, the rows
        done(who.get("/kill-switches"))


def test_text_of_others_is_data_and_inert_in_a_terminal() -> None:
    hostile = "<script>\x1b[31m\u202e\u200b é \U0001f600"
    KillSwitch.objects.create(target="all", reason=hostile, raised_by="ada")
    answer = asker().get("/kill-switches")
    assert answer.content.isascii()
    assert b"\x1b" not in answer.content
    assert done(answer)["results"][0]["reason"] == hostile
