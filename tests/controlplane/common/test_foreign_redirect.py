"""A redirect to another site after a form becomes a page of ours; every other redirect stays one."""

import pytest
from django.http import HttpResponse, HttpResponseRedirect
from django.test import RequestFactory, override_settings

from controlplane.common.foreign_redirect import foreign_redirect
from tests.controlplane.people import HOSTILE

pytestmark = pytest.mark.django_db
FOREIGN = "https://idp.example/authorize?state=s&next=%2F"


def answer(path: str, target: str) -> HttpResponse:
    def view(_: object) -> HttpResponse:
        response = HttpResponseRedirect(target)
        response.set_cookie("kept", "1")
        return response

    with override_settings(ALLOWED_HOSTS=["testserver"]):
        return foreign_redirect(view)(RequestFactory().post(path))


@pytest.mark.parametrize("path", ["/accounts/oidc/idp/login/", "/o/authorize/"])
def test_another_site_is_reached_by_a_page_of_ours(path: str) -> None:
    made = answer(path, FOREIGN)
    text = made.content.decode()
    assert made.status_code == 200
    assert 'http-equiv="refresh" content="0;url=https://idp.example/authorize?state=s&amp;next=%2F"' in text
    assert 'href="https://idp.example/authorize?state=s&amp;next=%2F"' in text
    assert made.cookies["kept"].value == "1", "the session of the redirect goes along"
    assert made.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/accounts/login/", "/"),
        ("/accounts/login/", "http://testserver/admin/"),
        ("/admin/grants/grant/", FOREIGN),
        ("/accounts/login/", "//idp.example/x"),
    ],
)
def test_every_other_redirect_stays_one(path: str, target: str) -> None:
    assert answer(path, target).status_code == 302


def test_the_same_host_over_another_scheme_is_another_site() -> None:
    assert answer("/accounts/login/", "https://testserver/").status_code == 200


def test_a_hostile_address_is_inert() -> None:
    text = answer("/accounts/x/", f"https://idp.example/?{HOSTILE}").content.decode()
    assert "<script>alert" not in text
    assert "<img" not in text
