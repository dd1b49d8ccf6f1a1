"""Who may see a page of the dashboard, and by which methods it is asked for."""

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_safe

from controlplane.accounts.identity import actor_of_request
from controlplane.common.actor import Right

View = Callable[..., HttpResponse]


def page(right: Right, *, posts: bool = False) -> Callable[[View], View]:
    """A page for whoever has the right: others sign in first, or are told that they may not."""
    methods = require_http_methods(["GET", "HEAD", "POST"]) if posts else require_safe

    def wrap(view: View) -> View:
        @methods
        @wraps(view)
        def run(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if not actor_of_request(request).may(right):
                return render(request, "403.html", status=403)
            return view(request, *args, **kwargs)

        return run

    return wrap
