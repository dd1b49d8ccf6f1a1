"""The form of a server: every key of the policy file that this version serves."""

from collections.abc import Mapping
from typing import Any

from django import forms

from controlplane.common.form_fields import LinesField
from controlplane.inventory.models import CredentialMode, Server
from controlplane.inventory.standing import UNSET
from controlplane.policy.admin_fields import keep, moved
from controlplane.policy.admin_item import ObjectForm
from controlplane.policy.declarative.items import DOORS
from controlplane.policy.declarative.problems import Path, Problem
from enforcer.contract.strict_json import JsonObject

LIMITS = ("max_request_bytes", "max_response_bytes", "timeout_s", "rate")
MODES = [(CredentialMode.UNSET.value, UNSET), (CredentialMode.NONE.value, "none: it needs no sign-in")]
NOT_SERVED = (
    f"{', '.join(DOORS)}: refused at the gate. Credential modes vault and exchange, and discovery of tools by the "
    "enforcer: a later version."
)
FIELDS: Mapping[Path, str] = {
    ("credential",): "credential_mode",
    ("sandbox", "fs"): "sandbox_fs",
    ("sandbox", "net"): "sandbox_net",
    **{("limits", name): name for name in LIMITS},
}


class ServerForm(ObjectForm):
    """The id is what the server is known by; it stays."""

    credential_mode = forms.ChoiceField(
        label="Credential",
        choices=MODES,
        initial=CredentialMode.NONE.value,
        help_text="How the gate signs in to the server. The client's own token never goes there.",
    )
    egress = LinesField(help_text='Hosts that URL arguments may name, one a line: api.example.com or "*.example.com".')

    class Meta:
        model = Server
        fields = ("id", "title", "trust_level", "workspace", "sandbox_fs", "sandbox_net", *LIMITS)
        labels = {"sandbox_fs": "Files", "sandbox_net": "Network", "timeout_s": "Timeout"}
        help_texts = {
            "id": "Small letters, digits, - and _; it stays as it is.",
            "workspace": "The directory below which path arguments must stay, and all that a sandboxed server sees.",
            "sandbox_fs": "Left empty: as the trust level says.",
            "sandbox_net": "Left empty: as the trust level says.",
            "max_request_bytes": "Bytes.",
            "max_response_bytes": "Bytes.",
            "timeout_s": "Seconds for one call.",
            "rate": "All callers together, like 100/minute; empty is no limit. With shared: of all its enforcers.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            self.initial["egress"] = self.instance.egress
            self.initial["credential_mode"] = mode = self.instance.credential_mode
            field = self.fields["credential_mode"]
            assert isinstance(field, forms.ChoiceField)
            if mode not in dict(MODES):  # saving it is refused in the words of the policy file, not changed in silence
                field.choices = [*MODES, (mode, f"{mode}: not served by this version")]
            keep(self, "id")

    def item(self) -> JsonObject:
        given = self.cleaned_data
        mode = given["credential_mode"]
        sandbox: JsonObject = {"fs": given["sandbox_fs"], "net": given["sandbox_net"]}
        limits: JsonObject = {name: given[name] for name in LIMITS}
        item: JsonObject = {
            "id": given["id"],
            "title": given["title"],
            "trust_level": given["trust_level"].name,
            "credential": None if mode == CredentialMode.UNSET else {"mode": mode},
            "workspace": given["workspace"],
            "egress": [*given["egress"]],
            "sandbox": _given(sandbox),
            "limits": _given(limits),
        }
        return _given(item)

    def _add_problem(self, problem: Problem) -> None:
        super()._add_problem(moved(problem, FIELDS))


def _given(values: JsonObject) -> JsonObject:
    return {key: value for key, value in values.items() if value not in ("", None)}
