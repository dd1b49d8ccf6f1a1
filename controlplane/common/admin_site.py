"""The admin site: signed in through allauth only, one frame with the dashboard, nothing for whoever has no right."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode

from controlplane.accounts.identity import actor_of_request
from controlplane.common.actor import Right


class DrawbridgeAdminSite(admin.AdminSite):
    """Served at /admin/."""

    site_header = site_title = "Drawbridge"
    index_title = "Everything"
    site_url = "/"
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        """Whoever may look; what else, each page asks."""
        return request.user.is_active and actor_of_request(request).may(Right.VIEW)

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Django's own form would know neither the limits of sign-in nor a second factor."""
        if request.user.is_authenticated:
            return HttpResponse("Your account has no role yet; ask an admin.\n", status=403, content_type="text/plain")
        next_page = request.GET.get("next", reverse("admin:index"))
        return HttpResponseRedirect(f"{reverse('account_login')}?{urlencode({'next': next_page})}")

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """allauth's page asks for the old password and ends other sessions."""
        return HttpResponseRedirect(reverse("account_change_password"))
