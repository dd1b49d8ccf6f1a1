"""Fields of items in forms: those that name the object stay, and problems are shown where forms are flatter."""

from collections.abc import Mapping
from dataclasses import replace

from django import forms

from controlplane.policy.declarative.problems import Path, Problem


def keep(form: forms.BaseForm, *names: str) -> None:
    """What an object is known by can't be edited; for whoever may only look the form has no such fields at all."""
    for name in names:
        if name in form.fields:
            form.fields[name].disabled = True


def moved(problem: Problem, fields: Mapping[Path, str]) -> Problem:
    """`("limits", "rate")` → `("rate",)`, where `fields` says so; the longest beginning decides."""
    for length in range(len(problem.path), 0, -1):
        field = fields.get(problem.path[:length])
        if field is not None:
            return replace(problem, path=(field, *problem.path[length:]))
    return problem
