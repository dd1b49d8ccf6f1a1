"""The document itself, the page that shows it, and the answer for addresses that don't exist."""

from typing import Any

from csp.constants import SELF
from csp.decorators import csp_update
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator
from drf_spectacular.renderers import OpenApiJsonRenderer2
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.openapi import document
from controlplane.api.views import ApiView
from controlplane.common.actor import Right
from controlplane.common.errors import NotAllowed


class SchemaView(ApiView[Any]):
    """The OpenAPI document."""

    rights = {"GET": Right.VIEW}
    renderer_classes = (OpenApiJsonRenderer2,)
    schema = None

    def get(self, request: Request) -> Response:  # noqa: ARG002 - the framework's signature
        """As JSON."""
        return Response(document())


@method_decorator(csp_update({"img-src": [SELF, "data:"]}), name="dispatch")  # swagger-ui's own stylesheet has arrows
class DocsView(ApiView[Any], SpectacularSwaggerSplitView):
    """The document to read and to try, from our own files alone."""

    rights = {"GET": Right.VIEW}
    authentication_classes = ApiView.authentication_classes
    permission_classes = ApiView.permission_classes
    query = {"GET": ("script",)}
    schema = None
    url_name = "api-schema"
    title = "API"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """`script` is a parameter without a value: then it is the page's script that is asked for."""
        super(ApiView, self).initial(request, *args, **kwargs)

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]  # a page, not an answer
        """A person is sent to sign in, or told as on any page."""
        if "Authorization" not in self.request.headers:
            if isinstance(exc, NotAuthenticated):
                return redirect_to_login(self.request.get_full_path())
            if isinstance(exc, NotAllowed):
                return render(self.request._request, "403.html", status=403)
        return super().handle_exception(exc)


class NowhereView(ApiView[Any]):
    """Every other address under /api/."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    schema = None

    def initial(self, *_args: Any, **_kwargs: Any) -> None:
        """Whoever asks, and however."""
        raise Http404
