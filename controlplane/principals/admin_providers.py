"""Identity providers: whose tokens are accepted, and by which keys."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from controlplane.common.admin import badge
from controlplane.common.admin_pages import without
from controlplane.common.form_fields import JsonField
from controlplane.policy.admin_fields import keep
from controlplane.policy.admin_item import ItemAdmin, ObjectForm
from controlplane.policy.declarative.outcome import Applied
from controlplane.policy.declarative.problems import Problem
from controlplane.policy.declarative.rules_keys import ALGORITHMS
from controlplane.principals.models import IdentityProvider
from enforcer.contract.strict_json import JsonObject

CLAIMS = ("subject", "actor_type", "client_id", "org_id")
KEYS_SHOWN = 5


class IdentityProviderForm(ObjectForm):
    """The issuer is what the provider is known by; it stays."""

    algorithms = forms.MultipleChoiceField(
        choices=[(name, name) for name in ALGORITHMS],
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text="Tokens signed in any other way are refused.",
    )
    jwks = JsonField(
        label="Public keys", help_text='As the provider publishes them: {"keys": […]}. A private key is refused.'
    )

    class Meta:
        model = IdentityProvider
        fields = ("issuer", "audience", "claim_subject", "claim_actor_type", "claim_client_id", "claim_org_id")
        labels = {f"claim_{name}": f"{name.replace('_', ' ').capitalize()} claim" for name in CLAIMS}
        help_texts = {
            "issuer": "The iss of its tokens, exactly.",
            "audience": "The aud that its tokens must have.",
            "claim_subject": "The claim that names the principal.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            keep(self, "issuer")
            self.initial.update(algorithms=self.instance.algorithms, jwks=self.instance.jwks)
        else:
            self.initial.setdefault("jwks", {"keys": []})

    def item(self) -> JsonObject:
        given = self.cleaned_data
        return {
            "issuer": given["issuer"],
            "audience": given["audience"],
            "algorithms": [*given["algorithms"]],
            "jwks": given["jwks"],
            "claims": {name: given[f"claim_{name}"] for name in CLAIMS},
        }

    def _add_problem(self, problem: Problem) -> None:
        if len(problem.path) > 1 and problem.path[0] == "claims":
            super()._add_problem(Problem((f"claim_{problem.path[1]}",), problem.what, problem.right))
        else:
            super()._add_problem(problem)


@admin.register(IdentityProvider)
class IdentityProviderAdmin(ItemAdmin[IdentityProvider]):
    """Keys inline; the control plane fetches none in this version."""

    section = "identity_providers"
    form = IdentityProviderForm
    list_display = ("issuer", "audience", "shown_algorithms", "shown_keys")
    search_fields = ("issuer", "audience")
    ordering = ("id",)
    fieldsets = (
        (None, {"fields": ("issuer", "audience", "algorithms", "jwks", "shown_keys")}),
        ("Names of claims", {"fields": [f"claim_{name}" for name in CLAIMS]}),
        ("Why", {"fields": ("why",)}),
    )
    readonly_fields = ("shown_keys",)

    def get_fieldsets(self, request: HttpRequest, obj: IdentityProvider | None = None) -> Any:
        found: Any = super().get_fieldsets(request, obj)
        return found if obj else without(found, "shown_keys")

    @admin.display(description="algorithms")
    def shown_algorithms(self, provider: IdentityProvider) -> str:
        return ", ".join(provider.algorithms)

    @admin.display(description="keys")
    def shown_keys(self, provider: IdentityProvider) -> str:
        keys = keys_of(provider)
        if not keys:
            return badge("no key: none of its tokens is accepted", "bad")
        more = f" and {len(keys) - KEYS_SHOWN} more" if len(keys) > KEYS_SHOWN else ""
        return ", ".join(keys[:KEYS_SHOWN]) + more

    def key_item(self, obj: IdentityProvider) -> JsonObject:
        return {"issuer": obj.issuer}

    def row_of(self, item: JsonObject, applied: Applied) -> IdentityProvider:
        return IdentityProvider.objects.get(issuer=str(item["issuer"]))


def keys_of(provider: IdentityProvider) -> list[str]:
    """`kid (alg)` of each."""
    keys = provider.jwks.get("keys") if isinstance(provider.jwks, dict) else None
    found = [key for key in keys if isinstance(key, dict)] if isinstance(keys, list) else []
    return [_named(key) for key in found]


def _named(key: JsonObject) -> str:
    return f"{str(key.get('kid', 'without a kid'))[:80]} ({str(key.get('alg') or key.get('kty'))[:20]})"
