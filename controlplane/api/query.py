"""Parameters of the query: each view has a list of them, and whatever is not on it is refused by its name.

Written twice, or empty, a parameter could be meant in two ways, so it is refused too.
"""

from collections.abc import Iterable

from django.http import QueryDict
from rest_framework.request import Request

from controlplane.api.problems import refused_query
from controlplane.policy.declarative.problems import nearest

FLAGS = {"true": True, "false": False}
LONGEST_REASON = 2000


def check_query(given: QueryDict, known: Iterable[str]) -> None:
    """Raises 400 with the first parameter that can't be meant."""
    allowed = set(known)
    for name, values in given.lists():
        if name not in allowed:
            right = nearest(name, allowed) if allowed else "no parameter is known here"
            raise refused_query(name[:60], "unknown parameter", right)
        if len(values) > 1:
            raise refused_query(name, "written more than once", "write it once")
        if not values[0]:
            raise refused_query(name, "is empty", "write a value, or leave the parameter out")
        if "\0" in values[0]:
            raise refused_query(name, "has a NUL character", "leave it out")


def flag(request: Request, name: str) -> bool:
    """False where it is absent."""
    word = request.query_params.get(name, "false")
    if word not in FLAGS:
        raise refused_query(name, "is neither true nor false", "true or false")
    return FLAGS[word]


def reason(request: Request) -> str:
    """Why, for history and receipt: bodies are items and have no room for it."""
    text = request.query_params.get("reason", "")
    if len(text) > LONGEST_REASON:
        raise refused_query("reason", f"has {len(text)} characters", f"at most {LONGEST_REASON}")
    return text
