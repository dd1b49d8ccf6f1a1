"""`export | apply -` changes nothing, whatever the rows hold and however they came to hold it."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from controlplane.incidents.services import lower_kill, raise_kill
from controlplane.inventory.models import Server, Tool
from controlplane.policy.declarative.current import current_policy
from controlplane.policy.declarative.items import document_of
from controlplane.policy.declarative.policy import Policy
from tests.controlplane.actors import ADA
from tests.controlplane.factories import ToolFactory
from tests.controlplane.policy_file.exporting import AFTER, BEFORE, apply, check_nothing_changes, exported
from tests.controlplane.policy_file.policies import NOW, policies


class ExportThenApply(TestCase):
    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
    @given(policies(), policies(), st.booleans(), st.data())
    def test_changes_nothing(self, first: Policy, second: Policy, prune: bool, data: st.DataObject) -> None:
        """Two files one after the other; then tools are seen, held and forgotten, switches lowered, windows end."""
        assert not apply(document_of(first), BEFORE).problems
        apply(document_of(second), BEFORE, prune=prune)
        self._live(data)
        check_nothing_changes(data.draw(st.sampled_from([BEFORE, NOW, AFTER])))

    @staticmethod
    def _live(data: st.DataObject) -> None:
        for server in Server.objects.all():
            ToolFactory(server=server, name="found\u202e", declared=False, state="unreviewed")
        for tool in Tool.objects.filter(declared=True):
            Tool.objects.filter(pk=tool.pk).update(state=data.draw(st.sampled_from(["reviewed", "changed"])))
        raise_kill(
            target="principal:ada\n\u202e", reason=data.draw(st.sampled_from([" ", "\x1b[31m" * 900])), actor=ADA
        )
        if data.draw(st.booleans()):
            lower_kill(target="risk:CRITICAL", reason="over", actor=ADA)

    @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
    @given(policies())
    def test_brings_a_policy_to_an_empty_control_plane_as_it_is(self, policy: Policy) -> None:
        assert not apply(document_of(policy), BEFORE).problems
        said = exported()
        assert current_policy() == policy
        assert said == document_of(policy)
