"""What each method of a view needs, said in one attribute of the view: `rights`. What isn't listed nobody may do."""

from collections.abc import Mapping

from rest_framework.exceptions import MethodNotAllowed, NotAuthenticated
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from controlplane.common.actor import Actor, Right
from controlplane.common.errors import NotAllowed

Needed = Right | tuple[Right, ...]  # one of several is enough: what it is enough for, the service says
Rights = Mapping[str, Needed]


def rights_of(view: object, method: str) -> tuple[Right, ...] | None:
    """Each of these is enough; None where the view doesn't serve the method."""
    rights: Rights = getattr(view, "rights", {})
    needed = rights.get("GET" if method == "HEAD" else method)
    return (needed,) if isinstance(needed, Right) else needed


class HasRight(BasePermission):
    """For every view of ours; one without `rights` serves nobody."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Raises 401, 403 with the missing right, and 405 for a method that isn't served."""
        actor = request.user
        if not isinstance(actor, Actor):
            raise NotAuthenticated("send Authorization: Token dbk_…, or sign in in the browser")
        needed = rights_of(view, request.method or "")
        if needed is None:
            raise MethodNotAllowed(request.method or "")
        if not any(actor.may(right) for right in needed):
            words = " or ".join(repr(right.value) for right in needed)
            raise NotAllowed(needed[0].value, f"{actor.name} may not do this: the right {words} is missing")
        return True
