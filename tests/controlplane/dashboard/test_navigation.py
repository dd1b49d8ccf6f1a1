"""Every page has one place in the navigation, which is lit while somebody is there."""

import pytest
from django.contrib import admin
from django.urls import reverse

from controlplane.common.actor import Actor, Right
from controlplane.dashboard.navigation import navigation

EVERYBODY = Actor("ada", frozenset(Right))


def lit(path: str, actor: Actor = EVERYBODY) -> list[str]:
    return [link.title for _, links in navigation(actor, path, {}) for link in links if link.here]


@pytest.mark.parametrize(
    ("route", "place"),
    [
        ("admin:incidents_killswitch_add", "Switch"),
        ("admin:incidents_quarantine_changelist", "Switch"),
        ("admin:incidents_plannedkill_add", "Switch"),
        ("admin:policy_signeddocument_changelist", "History"),
        ("admin:receipts_chain_changelist", "Receipts"),
        ("admin:inventory_tool_reviews", "Reviews"),
        ("admin:inventory_tool_changelist", "Tools"),
        ("overview", "Overview"),
        ("admin:index", "Everything"),
    ],
)
def test_a_page_lights_up_where_it_belongs(route: str, place: str) -> None:
    assert lit(reverse(route)) == [place]


def test_every_list_of_the_admin_belongs_somewhere_else_than_to_everything() -> None:
    models = [model._meta for model in admin.site._registry]
    assert len(models) > 20
    for opts in models:
        url = reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")
        assert lit(url) != ["Everything"], url


def test_what_somebody_may_not_see_is_not_lit() -> None:
    viewer = Actor("vi", frozenset({Right.VIEW}))
    assert "People" not in lit(reverse("admin:accounts_user_changelist"), viewer)
