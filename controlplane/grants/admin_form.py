"""The form of a grant: who × what, and the limits."""

from typing import Any

from django import forms

from controlplane.common.form_fields import JsonField, LinesField
from controlplane.grants.models import Grant
from controlplane.policy.admin_item import ObjectForm
from enforcer.contract.strict_json import JsonObject
from enforcer.contract.times import to_text


class GrantForm(ObjectForm):
    """Who × what, and the limits. The model's `key` is the item's `id`."""

    id = forms.CharField(required=False, max_length=63, help_text="Left empty, it is made of what the grant says.")
    tools = LinesField(help_text="Names or globs of tools, one a line; * alone is every tool of the server.")
    constraint = JsonField(help_text="A JSON Schema that the arguments have to satisfy.")

    class Meta:
        model = Grant
        fields = ("effect", "principal", "group", "server", "trust", "risk", "max_risk", "rate", "not_before",
                  "not_after", "reason", "ticket")  # fmt: skip
        help_texts = {
            "principal": "Either a principal or a group.",
            "server": "A server and its tools, or a selector below.",
            "trust": "Instead of a server: every server of this trust level.",
            "risk": "Instead of a server: every tool of this risk.",
            "max_risk": "Calls above it need an approval.",
            "rate": "Like 10/minute; empty is no limit. 10/minute shared: at all enforcers together.",
            "not_before": "UTC.",
            "not_after": "UTC; then the grant ends by itself.",
        }
        widgets = {"reason": forms.Textarea({"rows": 2})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["id"].disabled = True
            for name in ("tools", "constraint"):
                self.initial[name] = getattr(self.instance, name)
            self.initial["id"] = self.instance.key

    def item(self) -> JsonObject:
        given = self.cleaned_data
        who: JsonObject = {}
        if given["principal"]:
            who = {"principal": given["principal"].subject, "issuer": given["principal"].issuer}
        if given["group"]:
            who["group"] = given["group"].name
        deny = given["effect"] == "deny"
        item: JsonObject = {
            "id": given["id"],
            "effect": given["effect"],
            **who,
            "server": given["server"].id if given["server"] else "",
            "tools": given["tools"] or None,
            "trust": given["trust"],
            "risk": given["risk"],
            "max_risk": "" if deny else given["max_risk"],
            "constraint": given["constraint"],
            "rate": given["rate"],
            "not_before": to_text(given["not_before"].timestamp()) if given["not_before"] else "",
            "not_after": to_text(given["not_after"].timestamp()) if given["not_after"] else "",
            "reason": given["reason"],
            "ticket": given["ticket"],
        }
        return {key: value for key, value in item.items() if value not in ("", None)}
