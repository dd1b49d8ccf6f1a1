"""Every address × method × right, against a list: an address that is not on it fails."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from controlplane.api.permissions import rights_of
from controlplane.api.urls import urlpatterns
from controlplane.common.actor import Right
from tests.controlplane.api.asking import Asker, asker, nobody, problem

pytestmark = pytest.mark.django_db
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
EDIT = "edit_policy|propose"
ITEMS = {"GET": "view", "POST": EDIT}
ITEM = {"GET": "view", "PUT": EDIT, "DELETE": EDIT}
LIST = {"GET": "view"}
RAISE, LOWER = {"POST": "raise_kill"}, {"POST": "lower_kill"}
PEOPLE = {"GET": "manage_people", "POST": "manage_people"}
EXPECTED: dict[str, dict[str, str]] = {
    "schema/": LIST,
    "docs/": LIST,
    "trust-levels": LIST,
    "trust-levels/<str:name>": {"GET": "view", "PUT": EDIT},
    "identity-providers": ITEMS,
    "identity-providers/<path:issuer>": ITEM,
    "vault-backends": {"GET": "view", "POST": "edit_credentials"},
    "vault-backends/<str:name>": {"GET": "view", "PUT": "edit_credentials", "DELETE": "edit_credentials"},
    "groups": ITEMS,
    "groups/<path:name>": ITEM,
    "principals": ITEMS,
    "principals/<path:subject>": ITEM,
    "servers": ITEMS,
    "servers/<str:id>": ITEM,
    "tools": ITEMS,
    "tools/<str:server>/<path:name>": ITEM,
    "risk-patterns": ITEMS,
    "risk-patterns/<str:where>/<path:pattern>": ITEM,
    "tool-states": LIST,
    "tool-reviews/approve": {"POST": "edit_policy"},
    "tool-reviews/quarantine": {"POST": "edit_policy"},
    "tool-reviews/end-quarantine": {"POST": "edit_policy"},
    "tool-reviews/<str:server>/<path:name>": LIST,
    "grants": ITEMS,
    "grants/<str:id>": ITEM,
    "principal-access/<path:subject>": LIST,
    "tool-access/<str:server>/<path:name>": LIST,
    "simulate": {"POST": "view"},
    "tokens": {"GET": "view", "POST": "issue_tokens"},
    "tokens/<str:jti>": LIST,
    "tokens/<str:jti>/revoke": RAISE,
    "kill-switches": LIST,
    "kill-switches/raise": RAISE,
    "kill-switches/lower": LOWER,
    "kill-switches/keep": RAISE,
    "kill-switches/planned": {"GET": "view", **RAISE},
    "kill-switches/planned/<int:pk>/cancel": LOWER,
    "kill-switches/<int:pk>": LIST,
    "revocations/principals": {"GET": "view", **RAISE},
    "revocations/principals/restore": LOWER,
    "revocations/tokens": {"GET": "view", **RAISE},
    "quarantines": {"GET": "view", **RAISE},
    "quarantines/end": LOWER,
    "egress-blocks": {"GET": "view", **RAISE},
    "egress-blocks/end": LOWER,
    "notices": LIST,
    "policy": {"GET": "view", "POST": "edit_policy|edit_credentials"},
    "proposals": {"GET": "view", "POST": "propose"},
    "proposals/<int:pk>": LIST,
    "proposals/<int:pk>/approve": {"POST": "edit_policy"},
    "proposals/<int:pk>/reject": {"POST": EDIT},
    "changes": LIST,
    "changes/<int:pk>": LIST,
    "documents": LIST,
    "documents/<int:pk>/access": LIST,
    "documents/<int:pk>": LIST,
    "enforcers": LIST,
    "enforcers/<str:id>": LIST,
    "enforcers/<str:id>/decommission": {"POST": "manage_fleet"},
    "receipts": {"GET": "read_receipts"},
    "receipts/schema": {"GET": "view"},
    "receipts/export": {"GET": "export_receipts"},
    "receipts/export/csv": {"GET": "export_receipts"},
    "receipts/<str:receipt_id>": {"GET": "read_receipts"},
    "receipts/<str:receipt_id>/replay": {"GET": "read_receipts"},
    "receipts/<str:receipt_id>/proof": {"GET": "read_receipts"},
    "checkpoints": {"GET": "read_receipts"},
    "users": PEOPLE,
    "users/<str:username>": {"GET": "manage_people", "PUT": "manage_people"},
    "api-tokens": PEOPLE,
    "api-tokens/<str:key>": {"GET": "manage_people"},
    "api-tokens/<str:key>/revoke": {"POST": "manage_people"},
}


def test_every_address_is_on_the_list() -> None:
    assert [str(pattern.pattern) for pattern in urlpatterns] == list(EXPECTED)


def test_what_else_lies_under_api_is_for_enforcers_alone() -> None:
    found = [pattern for pattern in _flat(get_resolver().url_patterns) if pattern.startswith("api/")]
    others = {pattern.removeprefix("api/v1/") for pattern in found} - EXPECTED.keys()
    assert others <= {"enforcer/state", "enforcer/enrol"}


@pytest.mark.parametrize("route", EXPECTED)
def test_each_method_needs_its_right_and_no_other_method_is_served(route: str) -> None:
    path = "/" + re.sub("<int:[a-z_]+>", "7", re.sub("<(str|path):[a-z_]+>", "x", route))
    everything = asker()
    for method in METHODS:
        needed = EXPECTED[route].get(method)
        if needed is None:
            assert problem(everything.send(method, path, {}))["status"] == 405, (method, path)
            continue
        rights = [Right(word) for word in needed.split("|")]
        assert _refused(asker(*(r for r in Right if r not in rights)), method, path) == 403
        assert all(_refused(asker(right), method, path) not in (401, 405) for right in rights)
        assert all(_code(asker(right), method, path) != rights[0].value for right in rights)
        assert _refused(nobody(), method, path) in (401, 302)  # a person is sent to sign in


@pytest.mark.parametrize("pattern", urlpatterns, ids=lambda pattern: str(pattern.pattern))
def test_views_say_in_one_attribute_what_they_need(pattern: URLPattern) -> None:
    view = pattern.callback.view_class  # type: ignore[attr-defined]
    said = {method: rights_of(view, method) for method in METHODS}
    shown = {method: "|".join(right.value for right in rights) for method, rights in said.items() if rights}
    assert shown == EXPECTED[str(pattern.pattern)]


def _refused(who: Asker, method: str, path: str) -> int:
    return int(who.send(method, path, {}).status_code)


def _code(who: Asker, method: str, path: str) -> Any:
    """Of a refusal for want of a right."""
    answer = who.send(method, path, {})
    return problem(answer).get("code") if answer.status_code == 403 else ""


def _flat(patterns: Any, before: str = "") -> Iterator[str]:
    for pattern in patterns:
        here = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _flat(pattern.url_patterns, here)
        elif isinstance(pattern, URLPattern):
            yield here
