"""Acts: one page, one form, one button. What it will do stands above the form, what it did in a message."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from allauth.account.decorators import reauthentication_required
from django import forms
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from controlplane.accounts.identity import actor_of_request
from controlplane.common.actor import Right
from controlplane.common.admin import tell_of_changes
from controlplane.common.admin_pages import own_page
from controlplane.common.errors import DomainError, StackUnreachable


class BecauseForm(forms.Form):
    """The reason, for acts that ask for nothing else."""

    reason = forms.CharField(
        max_length=2000, widget=forms.Textarea({"rows": 2, "autofocus": True}),
        help_text="Kept in history and receipt, with your name.",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Done:
    """What to say, the changes whose way to the enforcers is shown below it, and where to go on."""

    said: str
    change_ids: Sequence[int | None] = ()
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """`perform` gets the cleaned form; what a service refuses is told there. A `slow` act wants a fresh sign-in."""

    title: str
    button: str
    right: Right
    perform: Callable[[dict[str, Any]], Done | HttpResponse]
    back: str
    form: Callable[..., forms.Form] = BecauseForm
    initial: dict[str, Any] = field(default_factory=dict)
    effect: Sequence[str] = ()
    tone: str = "primary"
    slow: bool = False
    template: str = "admin/act.html"
    context: dict[str, Any] = field(default_factory=dict)


def act_page(request: HttpRequest, model_admin: ModelAdmin[Any], act: Act) -> HttpResponse:
    """Ask; on POST do it and go on."""
    if not actor_of_request(request).may(act.right):
        raise PermissionDenied
    if act.slow:
        page: HttpResponse = _after_fresh_sign_in(request, model_admin, act)
        return page
    return _asked(request, model_admin, act)


@reauthentication_required  # type: ignore[untyped-decorator]  # its adapter is `controlplane.accounts.adapter`
def _after_fresh_sign_in(request: HttpRequest, model_admin: ModelAdmin[Any], act: Act) -> HttpResponse:
    return _asked(request, model_admin, act)


def _asked(request: HttpRequest, model_admin: ModelAdmin[Any], act: Act) -> HttpResponse:
    form = act.form(request.POST if request.method == "POST" else None, initial=act.initial)
    if request.method == "POST" and form.is_valid():
        done = _done(act, form)
        if isinstance(done, HttpResponse):
            return done
        if done is not None:
            tell_of_changes(request, [id_ for id_ in done.change_ids if id_ is not None], done.said)
            return HttpResponseRedirect(done.url or act.back)
    return own_page(request, model_admin, act.template, title=act.title, act=act, form=form, **act.context)


def _done(act: Act, form: forms.Form) -> Done | HttpResponse | None:
    try:
        return act.perform(form.cleaned_data)
    except DomainError as refused:
        name = refused.code.lower()
        form.add_error(name if name in form.fields else None, refused.message)
    except forms.ValidationError as several:
        form.add_error(None, several)
    except StackUnreachable as problem:
        form.add_error(None, str(problem))
    return None
