"""What a person says of an enforcer's host, of which nothing is stored: the file for it is printed, not kept."""

import shlex
from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings

from controlplane.config.environment import stored
from controlplane.fleet.addresses import listen_problem, url_problem
from controlplane.fleet.enrolment import Face, Place, Upstream, toml
from controlplane.inventory.models import Server
from enforcer.contract.targets import ID

LISTEN = "127.0.0.1:8801"
WRITTEN = {"autocomplete": "off", "spellcheck": "false", "class": "vTextField mono"}


class HostForm(forms.Form):
    """Where the enforcer runs and what is behind it."""

    listen = forms.CharField(
        initial=LISTEN, max_length=255, widget=forms.TextInput(WRITTEN), help_text="HOST:PORT on which clients call it."
    )
    public_url = forms.CharField(
        required=False, max_length=500, label="Public URL", widget=forms.TextInput(WRITTEN),
        help_text="What clients call, where that is not the address above.",
    )  # fmt: skip
    cert = forms.CharField(
        required=False, max_length=1000, label="Certificate", widget=forms.TextInput(WRITTEN),
        help_text="A PEM file on its host; needed beyond loopback.",
    )  # fmt: skip
    key = forms.CharField(
        required=False, max_length=1000, label="Certificate’s key", widget=forms.TextInput(WRITTEN),
        help_text="The file’s name; what is in it never comes here.",
    )  # fmt: skip
    data_dir = forms.CharField(max_length=1000, label="Data directory", widget=forms.TextInput(WRITTEN))
    upstream = forms.CharField(
        required=False, max_length=1000, widget=forms.TextInput(WRITTEN),
        help_text="Where the MCP server listens; empty for one that the enforcer starts itself.",
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        exposed = bool(given.get("cert"))
        if exposed != bool(given.get("key")):
            self.add_error("key", "a certificate and its key need each other")
        self._check("listen", listen_problem(given.get("listen", ""), exposed=exposed))
        for name, example in (("public_url", "http://HOST:PORT"), ("upstream", "http://HOST:PORT/PATH")):
            if given.get(name):
                self._check(name, url_problem(given[name], example))
        if given.get("data_dir") and not Path(given["data_dir"]).is_absolute():
            self.add_error("data_dir", "is relative; write a path that begins with /")
        return given

    def _check(self, name: str, problem: str) -> None:
        if problem and not self.has_error(name):
            self.add_error(name, problem)


class EnrolForm(HostForm):
    """The same, for one that is not there yet."""

    enforcer_id = forms.CharField(
        label="Enforcer", max_length=63, widget=forms.TextInput(WRITTEN),
        help_text="Its id: lower-case letters, digits, - and _.",
    )  # fmt: skip
    data_dir = forms.CharField(
        required=False, max_length=1000, label="Data directory", widget=forms.TextInput(WRITTEN),
        help_text="On its host, for the secrets; empty for the usual place.",
    )  # fmt: skip
    server = forms.CharField(max_length=63, widget=forms.TextInput(WRITTEN), help_text="Id of the server behind it.")
    field_order = ("enforcer_id", "server")

    def clean_enforcer_id(self) -> str:
        id_ = str(self.cleaned_data["enforcer_id"])
        if not ID.fullmatch(id_):
            raise forms.ValidationError("is no id; write lower-case letters, digits, - and _")
        return id_

    def clean_server(self) -> str:
        id_ = str(self.cleaned_data["server"])
        if not Server.objects.filter(id=id_, retired=False).exists():
            raise forms.ValidationError(f"there is no server {id_!r}; write the id of one that exists")
        return id_


def default_data_dir(enforcer_id: str) -> str:
    """Where `enroll` puts it if nobody says otherwise."""
    return str(settings.DATA_DIR / "enforcers" / enforcer_id)


def file_text(enforcer_id: str, server_ids: list[str], given: dict[str, Any]) -> str:
    """The TOML as `enroll` prints it; empty where the control plane doesn't know its own addresses."""
    root_key = stored(settings.ROOT_PUB)
    if not (root_key and settings.REDIS_URL and settings.RECEIPTS_BROKER_URL):
        return ""
    files = (given["cert"], given["key"]) if given["cert"] else ()
    url = given["public_url"] or f"{'https' if files else 'http'}://{given['listen']}"
    place = Place(
        enforcer_id=enforcer_id,
        face=Face(given["listen"], url, files),
        data_dir=Path(given["data_dir"]),
        control_plane_url=settings.PUBLIC_URL,
        root_key=root_key,
        redis_url=settings.REDIS_URL,
        broker_url=settings.RECEIPTS_BROKER_URL,
    )
    return toml(place, [Upstream(id_, given["upstream"]) for id_ in server_ids])


def enroll_command(enforcer_id: str, server_ids: list[str], given: dict[str, Any], *, rotate: bool) -> str:
    """What to run on the enforcer's host; words are quoted for a shell."""
    words = ["manage.py", "enroll", enforcer_id]
    for id_ in server_ids:
        words += ["--server", id_]
    for option in ("--upstream", "--listen", "--public-url", "--data-dir"):
        if value := given[option.removeprefix("--").replace("-", "_")]:
            words += [option, value]
    if given["cert"]:
        words += ["--tls", given["cert"], given["key"]]
    return shlex.join([*words, "--rotate"] if rotate else words)
