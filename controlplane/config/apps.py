"""Which admin site the admin pages are served by."""

from django.contrib.admin.apps import AdminConfig


class DrawbridgeAdminConfig(AdminConfig):
    """Ours: sign-in by allauth, and the frame of the dashboard around every page."""

    default_site = "controlplane.common.admin_site.DrawbridgeAdminSite"
