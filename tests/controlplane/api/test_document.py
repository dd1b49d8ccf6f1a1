"""The OpenAPI document and the page that shows it."""

from typing import Any

import pytest
from django.test import Client

from controlplane.accounts.services import create_user
from controlplane.common.actor import Right
from tests.controlplane.actors import ADA
from tests.controlplane.api.asking import asker, done, nobody, problem
from tests.controlplane.commands import run

pytestmark = pytest.mark.django_db


def test_it_is_valid_and_made_without_a_warning() -> None:
    ended = run("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json")
    assert (ended.code, ended.err) == (0, "")


def test_it_is_openapi_3_1_and_every_operation_tells_its_right_and_its_problems() -> None:
    document = done(asker(Right.VIEW).get("/schema/"))
    assert document["openapi"] == "3.1.0"
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len(operations) > 75
    for operation in operations:
        assert operation["description"].startswith("Needs the right `")
        assert operation["summary"]
        assert {"400", "401", "403", "default"} <= operation["responses"].keys()
        assert operation["security"] == [{"token": []}, {"session": []}]


def test_posts_take_an_idempotency_key() -> None:
    document = done(asker().get("/schema/"))
    posts = {path: found["post"] for path, found in document["paths"].items() if "post" in found}
    without = [
        path
        for path, operation in posts.items()
        if "Idempotency-Key" not in [parameter["name"] for parameter in operation.get("parameters", [])]
    ]
    assert without == ["/api/v1/simulate"]  # it changes nothing


def test_items_are_described_with_examples() -> None:
    schemas: dict[str, Any] = done(asker().get("/schema/"))["components"]["schemas"]
    grant = schemas["GrantItem"]
    assert grant["additionalProperties"] is False
    assert grant["properties"]["max_risk"]["enum"] == ["LOW", "MEDIUM", "HIGH", "CRITICAL"]
    assert grant["examples"][0]["principal"] == "ada"


def test_it_is_for_whoever_may_look() -> None:
    assert problem(nobody().get("/schema/"))["status"] == 401
    assert problem(asker(Right.RAISE_KILL).get("/schema/"))["status"] == 403


def test_the_page_holds_no_inline_script_or_style_and_one_looser_source_for_images() -> None:
    user = create_user(username="grace", roles=["viewer"], actor=ADA)
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    page = client.get("/api/v1/docs/")
    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    assert b"<style" not in page.content
    assert b"style=" not in page.content
    assert page.content.count(b"<script") == page.content.count(b"<script src=")
    assert "img-src 'self' data:" in page.headers["Content-Security-Policy"]
    assert "data:" not in client.get("/").headers["Content-Security-Policy"]


def test_the_page_is_for_whoever_may_look_and_others_are_sent_to_sign_in() -> None:
    assert nobody().get("/docs/").headers["Location"] == "/accounts/login/?next=/api/v1/docs/"
    client = Client()
    client.force_login(create_user(username="grace", roles=[], actor=ADA), "django.contrib.auth.backends.ModelBackend")
    assert client.get("/api/v1/docs/").status_code == 403
    assert asker(Right.VIEW).get("/docs/").status_code == 200
    assert problem(asker(Right.RAISE_KILL).get("/docs/"))["status"] == 403
