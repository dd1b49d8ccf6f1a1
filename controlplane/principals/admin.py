"""Pages of this app in the web admin."""

from django.contrib import admin

from controlplane.common.admin import ReadOnlyAdmin
from controlplane.principals.models import Group, IdentityProvider, IssuedToken, Principal


@admin.register(Principal)
class PrincipalAdmin(ReadOnlyAdmin[Principal]):
    """To be written."""

    search_fields = ("pk",)


@admin.register(Group)
class GroupAdmin(ReadOnlyAdmin[Group]):
    """To be written."""

    search_fields = ("pk",)


@admin.register(IdentityProvider)
class IdentityProviderAdmin(ReadOnlyAdmin[IdentityProvider]):
    """To be written."""

    search_fields = ("pk",)


@admin.register(IssuedToken)
class IssuedTokenAdmin(ReadOnlyAdmin[IssuedToken]):
    """To be written."""

    search_fields = ("pk",)
