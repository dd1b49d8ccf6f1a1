"""The form of a tool: what it declares, and which of its arguments are paths and URLs."""

from typing import Any

from django import forms

from controlplane.common.form_fields import JsonField, LinesField
from controlplane.inventory.models import RISKS, Tool
from controlplane.policy.admin_fields import keep
from controlplane.policy.admin_item import ObjectForm
from enforcer.contract.strict_json import JsonObject

FOUND, DECLARED = "found", "declared"
HOW = [(FOUND, "found by name and schema"), (DECLARED, "those below, and no others")]
POINTERS = ("path_arguments", "url_arguments")
POINTER_HELP = "JSON pointers, one a line, * for each item of a list: /path or /files/*/name."


class ToolForm(ObjectForm):
    """Server and name are what a tool is known by; they stay."""

    risk = forms.ChoiceField(
        choices=[("", "as proposed by name and schema"), *RISKS],
        required=False,
        help_text="A call whose arguments look destructive is CRITICAL whatever stands here.",
    )
    input_schema = JsonField(help_text="Arguments are checked against it; a field that it doesn't name is refused.")
    path_how = forms.ChoiceField(label="Arguments that are paths", choices=HOW, initial=FOUND)
    path_arguments = LinesField(label="Path pointers", help_text=POINTER_HELP)
    url_how = forms.ChoiceField(label="Arguments that are URLs", choices=HOW, initial=FOUND)
    url_arguments = LinesField(label="URL pointers", help_text=POINTER_HELP)

    class Meta:
        model = Tool
        fields = ("server", "name")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            keep(self, "server", "name")
            self.initial.update(_initial(self.instance))

    def item(self) -> JsonObject:
        given = self.cleaned_data
        item: JsonObject = {"server": given["server"].id, "name": given["name"]}
        if given["risk"]:
            item["risk"] = given["risk"]
        if given["input_schema"] is not None:
            item["input_schema"] = given["input_schema"]
        for name in POINTERS:
            if given[_how(name)] == DECLARED:
                item[name] = [*given[name]]
        return item

    def clean(self) -> dict[str, Any] | None:
        """Pointers that would be ignored are a misunderstanding."""
        given = super().clean() or self.cleaned_data
        for name in POINTERS:
            if given.get(name) and given.get(_how(name)) == FOUND:
                self.add_error(name, "would be ignored; choose “those below”, or leave it empty")
        return given


def _how(name: str) -> str:
    return f"{name.partition('_')[0]}_how"


def _initial(tool: Tool) -> dict[str, Any]:
    found: dict[str, Any] = {"risk": tool.risk, "input_schema": tool.input_schema}
    for name in POINTERS:
        written = getattr(tool, name)
        found[name] = written or []
        found[_how(name)] = FOUND if written is None else DECLARED
    return found
