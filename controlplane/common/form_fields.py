"""Form fields of policy items: lists a line each, JSON that keeps its text where it is wrong."""

import json
from typing import Any

from django import forms

from enforcer.contract import strict_json
from enforcer.contract.strict_json import JsonValue, StrictJsonError


class LinesField(forms.CharField):
    """A list of texts, one a line."""

    widget = forms.Textarea

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"required": False, "widget": forms.Textarea({"rows": 3, "class": "lines"}), **options})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list | tuple) else value

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in str(value or "").splitlines() if line.strip()]


class JsonField(forms.Field):
    """Any JSON, read as strictly as everywhere: no duplicate keys, no NaN. Empty text is nothing (None)."""

    def __init__(self, **options: Any) -> None:
        widget = forms.Textarea({"rows": 8, "class": "json", "spellcheck": "false"})
        super().__init__(**{"required": False, "widget": widget, **options})

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else "" if value is None else json.dumps(value, indent=2)

    def to_python(self, value: Any) -> JsonValue:
        text = str(value or "").strip()
        if not text:
            return None
        try:
            return strict_json.parse(text.encode())
        except StrictJsonError as problem:
            raise forms.ValidationError(f"is no JSON: {problem}") from None
