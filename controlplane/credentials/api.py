"""Vault backends over the API."""

from controlplane.api.filters import Filters, OneOf
from controlplane.api.items import ItemDetail, ItemList
from controlplane.common.actor import Right
from controlplane.credentials.api_shapes import VaultBackendItem
from controlplane.credentials.models import BackendKind, VaultBackend

EDIT = Right.EDIT_CREDENTIALS


class BackendFilter(Filters):
    """Which backends."""

    kind = OneOf("kind", BackendKind.values)


class VaultBackends(ItemList[VaultBackend]):
    """Vault backends; no secret is in any"""

    section = "vault_backends"
    names = ("name",)
    rights = {"GET": Right.VIEW, "POST": EDIT}
    edit_right = EDIT
    queryset = VaultBackend.objects.all()
    serializer_class = VaultBackendItem
    filterset_class = BackendFilter
    orderings = {"name": ("name",)}


class VaultBackendDetail(ItemDetail[VaultBackend]):
    """One vault backend"""

    section = "vault_backends"
    names = ("name",)
    rights = {"GET": Right.VIEW, "PUT": EDIT, "DELETE": EDIT}
    edit_right = EDIT
    queryset = VaultBackend.objects.all()
    serializer_class = VaultBackendItem
    lookup_field = "name"
