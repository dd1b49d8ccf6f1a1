"""The policy file over the API: `manage.py export` and `manage.py apply`."""

from collections.abc import Sequence

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.idempotency import idempotent
from controlplane.api.parsers import PolicyJsonParser, PolicyParser
from controlplane.api.problems import refused_body
from controlplane.api.query import flag
from controlplane.api.saved import Saved, saved
from controlplane.api.views import ApiView
from controlplane.common.actor import Right
from controlplane.inventory.models import Server
from controlplane.policy.api_shapes import PolicyDocument
from controlplane.policy.declarative.apply import apply_policy
from controlplane.policy.declarative.current import current_policy
from controlplane.policy.declarative.items import document_of
from controlplane.policy.declarative.json_text import json_lines_of
from controlplane.policy.declarative.reading import one_view
from controlplane.policy.declarative.yaml_lines import Written
from controlplane.policy.declarative.yaml_text import yaml_lines_of

YAML = "application/yaml"


class YamlRenderer(BaseRenderer):
    """Only stands for the media type: the text is streamed."""

    media_type = YAML
    format = "yaml"


class PolicyFile(ApiView[Server]):
    """The whole policy as a file: applying it again changes nothing"""

    rights = {"GET": Right.VIEW, "POST": (Right.EDIT_POLICY, Right.EDIT_CREDENTIALS)}
    query = {"POST": ("dry_run", "prune")}
    queryset = Server.objects.none()
    parser_classes = (PolicyJsonParser, PolicyParser)

    def get_renderers(self) -> Sequence[BaseRenderer]:  # type: ignore[override]  # the stubs want a list
        """A file may be YAML; answers to one are JSON."""
        return [JSONRenderer(), YamlRenderer()] if self.request.method in ("GET", "HEAD") else [JSONRenderer()]

    @extend_schema(responses={(200, "application/json"): PolicyDocument, (200, YAML): PolicyDocument})
    def get(self, request: Request) -> HttpResponseBase:
        """As `manage.py export`"""
        with one_view():
            document = document_of(current_policy())
        wanted = str(request.accepted_renderer.media_type)
        lines = yaml_lines_of(document) if wanted == YAML else json_lines_of(document)
        return StreamingHttpResponse((line.encode() for line in lines), content_type=wanted)

    @extend_schema(request={"application/json": PolicyDocument, YAML: PolicyDocument}, responses={200: Saved})
    @idempotent
    def post(self, request: Request) -> Response:
        """Apply a policy file"""
        written: object = request.data
        dry_run, prune = flag(request, "dry_run"), flag(request, "prune")
        if not isinstance(written, Written):  # an empty body is never parsed
            written = Written(None, {(): 1})
        applied = apply_policy(
            value=written.value,
            source="API",
            actor=self.actor,
            now=timezone.now(),
            prune=prune,
            dry_run=dry_run,
        )
        if applied.problems:
            raise refused_body(applied.problems, lines=written.lines)
        return Response(saved(applied, written.lines))
