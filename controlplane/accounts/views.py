"""One's own sessions: when each began, and an end to all but this one."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.sessions.models import Session
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from controlplane.accounts.models import User
from controlplane.accounts.services import end_sessions, live_sessions
from controlplane.accounts.sessions import BEGAN, SEEN


@dataclass(frozen=True, slots=True)
class Shown:
    """Of one session; nothing that could be used instead of it."""

    began: datetime | None
    seen: datetime | None
    ends: datetime
    here: bool


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def own_sessions(request: HttpRequest) -> HttpResponse:
    """Show them; POST ends the others."""
    user = request.user
    assert isinstance(user, User)
    here = request.session.session_key
    if request.method == "POST":
        ended = end_sessions(user, but=here)
        messages.success(request, f"Ended {ended} other session{'' if ended == 1 else 's'}.")
        return HttpResponseRedirect(request.path)
    rows = [_shown(session, here) for session in live_sessions(user)]
    return render(request, "account/sessions.html", {"sessions": rows})


def _shown(session: Session, here: str | None) -> Shown:
    said = session.get_decoded()
    times = (said.get(BEGAN), said.get(SEEN))
    began, seen = (datetime.fromtimestamp(at, UTC) if isinstance(at, int) else None for at in times)
    return Shown(began, seen, session.expire_date, here=session.session_key == here)
