"""Routes of the control plane."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path
from django.views.decorators.http import require_safe

from controlplane.api.docs import NowhereView
from controlplane.fleet.api import StateView
from controlplane.fleet.api_enrol import EnrolView


@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """Whether this process answers; it says nothing of the others."""
    return HttpResponse("ok\n", content_type="text/plain")


admin.autodiscover()
urlpatterns = [
    path("", include("controlplane.dashboard.urls")),
    path("admin/", admin.site.urls),
    path("accounts/", include("controlplane.accounts.urls")),
    path("healthz", healthz),
    path("", include("controlplane.observability.urls")),
    path("api/v1/enforcer/state", StateView.as_view()),
    path("api/v1/enforcer/enrol", EnrolView.as_view()),
    path("api/v1/", include("controlplane.api.urls")),
    re_path(r"^api/", NowhereView.as_view()),
]
