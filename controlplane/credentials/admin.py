"""Vault backends in the web admin, and the references into them: where secrets are kept, never a secret."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from controlplane.common.actor import Right
from controlplane.common.admin import ReadOnlyAdmin
from controlplane.common.admin_pages import some
from controlplane.credentials.models import VaultBackend, VaultReference
from controlplane.credentials.secrets_seen import reads_like_secret
from controlplane.policy.admin_fields import keep
from controlplane.policy.admin_item import ItemAdmin, ObjectForm
from controlplane.policy.declarative.outcome import Applied
from controlplane.policy.declarative.problems import Problem
from enforcer.contract.strict_json import JsonObject

PLACES = ("address", "mount")
NAMED = 5


class VaultBackendForm(ObjectForm):
    """The name is what the backend is known by; it stays. What reads like a secret is not shown again."""

    class Meta:
        model = VaultBackend
        fields = ("name", "kind", *PLACES)
        labels = {"mount": "Mount or directory"}
        help_texts = {
            "name": "Small letters, digits, - and _; it stays as it is.",
            "kind": "openbao and vault are asked over HTTPS; file and env are of the enforcer's own host.",
            "address": "https://HOST:PORT of a vault; left empty for file and env.",
            "mount": "Where the vault keeps key-value secrets (secret, if left empty), or the directory of the files.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            keep(self, "name")

    def item(self) -> JsonObject:
        given = self.cleaned_data
        places = {name: given[name] for name in PLACES if given[name]}
        return {"name": given["name"], "kind": given["kind"], **places}

    def _add_problem(self, problem: Problem) -> None:
        super()._add_problem(problem)
        if any(_may_hold_secret(str(self.data.get(name, ""))) for name in PLACES):
            self.data = {name: value for name, value in self.data.items() if name not in PLACES}


def _may_hold_secret(text: str) -> bool:
    return bool(reads_like_secret(text)) or "@" in text


@admin.register(VaultBackend)
class VaultBackendAdmin(ItemAdmin[VaultBackend]):
    """Where secrets are kept; how an enforcer signs in there stands in its own file."""

    section = "vault_backends"
    edit_right = Right.EDIT_CREDENTIALS
    form = VaultBackendForm
    list_display = ("name", "kind", "shown_address", "shown_mount", "shown_servers")
    list_filter = ("kind",)
    search_fields = ("name", "address")
    ordering = ("name",)
    fieldsets = ((None, {"fields": ("name", "kind", *PLACES, "why")}),)

    def tell(self, rows: Sequence[VaultBackend]) -> None:
        """For how many servers they keep a credential."""
        used = VaultReference.objects.filter(backend__in=rows).order_by().values_list("backend_id")
        counts = dict(used.annotate(n=Count("pk")))
        for row in rows:
            row.used = counts.get(row.pk, 0)  # type: ignore[attr-defined]

    @admin.display(description="address", ordering="address")
    def shown_address(self, backend: VaultBackend) -> str:
        return backend.address or "the enforcer's own host"

    @admin.display(description="mount", ordering="mount")
    def shown_mount(self, backend: VaultBackend) -> str:
        return backend.mount or "its environment"

    @admin.display(description="servers")
    def shown_servers(self, backend: VaultBackend) -> str:
        return str(backend.used)  # type: ignore[attr-defined]

    def facts(self, request: HttpRequest, obj: VaultBackend) -> dict[str, Any]:
        url = f"{reverse('admin:credentials_vaultreference_changelist')}?{urlencode({'backend__name__exact': obj.pk})}"
        return {"kept": some(obj.references.order_by("server"), url)}

    def get_deleted_objects(self, objs: Sequence[VaultBackend] | QuerySet[VaultBackend], request: HttpRequest) -> Any:
        """A backend that keeps a credential stays."""
        lines, counts, lacking, protected = super().get_deleted_objects(objs, request)
        for backend in objs:
            servers = list(backend.references.order_by("server").values_list("server_id", flat=True)[: NAMED + 1])
            if servers:
                more = " and others" if len(servers) > NAMED else ""
                protected.append(f"{backend} keeps the credential of {', '.join(servers[:NAMED])}{more}")
        return lines, counts, lacking, protected

    def key_item(self, obj: VaultBackend) -> JsonObject:
        return {"name": obj.name}

    def row_of(self, item: JsonObject, applied: Applied) -> VaultBackend:
        return VaultBackend.objects.get(name=str(item["name"]))


@admin.register(VaultReference)
class VaultReferenceAdmin(ReadOnlyAdmin[VaultReference]):
    """Where the credential of each server is kept; it is said at the server."""

    list_display = ("server", "backend", "path", "field", "header", "prefix")
    list_filter = ("backend",)
    list_select_related = ("server", "backend")
    search_fields = ("server__id", "path")
    ordering = ("server",)
    fields = ("server", "backend", "path", "field", "header", "prefix")
