"""The OpenAPI document: what the views say of themselves, made whole by drf-spectacular.

Each operation names the right that it needs, its query parameters, `Idempotency-Key` where that works, and the problems
that it can answer with.
"""

import copy
from functools import cache
from http import HTTPStatus
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

from controlplane.api.bodies import Described, text, texts
from controlplane.api.idempotency import HEADER, SHAPE
from controlplane.api.permissions import rights_of
from controlplane.api.problems import MEDIA_TYPE
from controlplane.api.query import LONGEST_REASON
from enforcer.contract.strict_json import JsonObject

FLAG: JsonObject = {"type": "string", "enum": ["true", "false"], "default": "false"}
PARAMETERS: dict[str, tuple[JsonObject, str]] = {
    "dry_run": (FLAG, "say what would change, and change nothing"),
    "issuer": (text(longest=512), "where a subject is known from several"),
    "since": (text(longest=18, pattern="[0-9]+"), "the id of an older document of that server, else the one before"),
    "prune": (FLAG, "remove what the file doesn't name"),
    "reason": (text(longest=LONGEST_REASON), "why, for history and receipt"),
}
ALWAYS = (400, 401, 403, 429, 503)
WRITES = (409, 413, 415, 422)
KEY_NOTE = (
    "However often the request arrives under this key within 24 hours, it is done once and answered alike; "
    "a secret in the answer is not given again (409)."
)


class Problem(Described):
    """Every refusal (RFC 9457)."""

    schema = {
        "type": "object",
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "code": {"type": "string", "description": "of what the service refused, for programs; the missing right"},
            "reference": {"type": "string", "description": "under which the log has a fault of our own"},
            "errors": texts(
                of={
                    "type": "object",
                    "properties": {
                        "pointer": {"type": "string", "description": "JSON Pointer into the body"},
                        "parameter": {"type": "string", "description": "of the query"},
                        "detail": {"type": "string", "description": "what is wrong"},
                        "right": {"type": "string", "description": "what would be right"},
                        "line": {"type": "integer", "description": "of the policy file"},
                    },
                    "required": ["detail", "right"],
                }
            ),
        },
        "required": ["type", "title", "status", "detail"],
    }


class Schema(AutoSchema):
    """DEFAULT_SCHEMA_CLASS."""

    def is_excluded(self) -> bool:
        """A method that needs no right that it names is served to nobody."""
        return rights_of(self.view, self.method) is None

    def get_summary(self) -> str | None:
        """What a view says of itself is what it shows; what a method that writes says is what it does."""
        said = (type(self.view) if self.method == "GET" else getattr(self.view, self.method.lower())).__doc__ or ""
        return said.strip().partition("\n")[0].rstrip(".")

    def get_description(self) -> str:  # type: ignore[override]  # drf-spectacular's own signature
        """What the caller needs for it."""
        needed = rights_of(self.view, self.method) or ()
        words = " or ".join(f"`{right.value}`" for right in needed)
        return f"Needs the right {words}."

    def get_override_parameters(self) -> list[Any]:
        """Parameters that the view lists, and the header of writes that may be sent twice."""
        named = self.view.query.get(self.method, ()) if hasattr(self.view, "query") else ()
        found = [_query(name) for name in named]
        if getattr(getattr(self.view, self.method.lower(), None), "idempotent", False):
            schema: JsonObject = {"type": "string", "pattern": f"^{SHAPE}$"}
            found.append(OpenApiParameter(HEADER, schema, OpenApiParameter.HEADER, description=KEY_NOTE))
        return found

    def _resolve_path_parameters(self, variables: list[str]) -> list[dict[str, Any]]:
        """With the names of the example, where what is named is an item."""
        shape: dict[str, Any] = getattr(getattr(self.view, "serializer_class", None), "schema", {})
        example: dict[str, Any] = next(iter(shape.get("examples", ())), {})
        found: list[dict[str, Any]] = super()._resolve_path_parameters(variables)  # type: ignore[no-untyped-call]
        for parameter in found:
            if parameter["name"] in example:
                parameter["example"] = example[parameter["name"]]
        return found

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        """And the problems."""
        bodies = dict(super()._get_response_bodies(direction))
        problem = self.resolve_serializer(Problem(), "response").ref
        found = (*ALWAYS, *((404,) if "{" in self.path else ()), *(WRITES if self.method != "GET" else ()))
        for code in sorted(found):
            bodies.setdefault(str(code), _problem(HTTPStatus(code).phrase, problem))
        bodies.setdefault("default", _problem("Any other problem", problem))
        return bodies

    def _is_list_view(self, serializer: Any = None) -> bool:  # noqa: ARG002 - drf-spectacular's signature
        """Lists are views that page; nothing is guessed."""
        return self.method == "GET" and hasattr(self.view, "orderings")


class DescribedExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]  # registers itself
    """Shapes that bring their JSON Schema."""

    target_class = "controlplane.api.bodies.Described"
    match_subclasses = True

    def map_serializer(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:  # noqa: ARG002
        """As it stands there, and what the class says of itself."""
        made: dict[str, Any] = copy.deepcopy(self.target.schema)
        return {"description": (type(self.target).__doc__ or "").strip(), **made}


class TokenExtension(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Of `manage.py api_token`."""

    target_class = "controlplane.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:  # noqa: ARG002
        """A header, whose scheme OpenAPI has no word for."""
        note = "The word Token, a space, and a token of `manage.py api_token`: `Token dbk_…`"
        return {"type": "apiKey", "in": "header", "name": "Authorization", "description": note}


class SessionExtension(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Of the web pages, this one included."""

    target_class = "controlplane.api.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:  # noqa: ARG002
        """With the CSRF token on what writes."""
        return {"type": "apiKey", "in": "cookie", "name": "drawbridge_session"}


@cache
def document() -> dict[str, Any]:
    """The same for everybody, so it is made once a process."""
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return made


def _query(name: str) -> OpenApiParameter:
    schema, note = PARAMETERS[name]
    return OpenApiParameter(name, schema, OpenApiParameter.QUERY, description=note)


def _problem(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}
