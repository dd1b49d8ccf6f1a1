"""`manage.py review SERVER`: lists the tool definitions that wait, or approves them (CONTRACTS section 1)."""

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from controlplane.common import commands
from controlplane.common.actor import host_operator
from controlplane.common.commands import ANSWER_IS_NO, DONE, UsageError
from controlplane.common.errors import StackUnreachable
from controlplane.common.unseen import shortened
from controlplane.inventory.definition import fetch_definitions, mark, proposed, reading, takes
from controlplane.inventory.models import Server, Tool, ToolState
from controlplane.inventory.review import MOST, review_tools, waiting_tools
from controlplane.inventory.review_queue import what_changed
from controlplane.policy.waiting import wait_applied, wait_published

PUBLISH_TIMEOUT_S = 30.0
LONGEST = 120


class Command(commands.Command):
    help = "List the tool definitions of a server that wait for a review, or approve them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """As CONTRACTS section 1 names them."""
        parser.add_argument("server", metavar="SERVER")
        parser.add_argument("--approve-all", action="store_true", help="approve everything that waits there")
        parser.add_argument("--wait", type=float, metavar="S", help="until every live enforcer applied it")

    def work(self, options: dict[str, Any]) -> int:
        """List, or approve and wait."""
        server_id: str = options["server"]
        if not Server.objects.filter(id=server_id, retired=False).exists():
            raise UsageError.option("SERVER", f"there is no server {server_id!r}; write the id of one that exists")
        if options["wait"] is not None and not options["approve_all"]:
            raise UsageError.option("--wait", "nothing changes without --approve-all; leave it out")
        waiting = list(waiting_tools(server_id))
        fetch_definitions(waiting)
        self._say_quarantined(server_id)
        if not waiting:
            self.stdout.write("nothing waits")
            return DONE
        return self._approve(waiting, options["wait"]) if options["approve_all"] else self._list(waiting)

    def _list(self, waiting: Sequence[Tool]) -> int:
        for tool in waiting:
            self.stdout.write(line(tool))
        return DONE

    def _approve(self, waiting: Sequence[Tool], applied_within_s: float | None) -> int:
        fit = [tool for tool in waiting if not reading(tool).problem]
        for tool in (tool for tool in waiting if tool not in fit):
            self.say(f"not approved: {shortened(tool.name, LONGEST)}: {shortened(reading(tool).problem, LONGEST)}")
        code = DONE if len(fit) == len(waiting) else ANSWER_IS_NO
        for start in range(0, len(fit), MOST):
            part = fit[start : start + MOST]
            keys = [(tool.server_id, tool.name) for tool in part]
            done = review_tools(keys=keys, seen=mark(part), actor=host_operator())
            for tool in part:
                self.stdout.write(f"approved {shortened(str(tool), LONGEST)}")
            assert done.change_id is not None
            code = max(code, self._wait(done.change_id, applied_within_s))
        return code

    def _wait(self, change_id: int, applied_within_s: float | None) -> int:
        if not wait_published(change_id, PUBLISH_TIMEOUT_S):
            raise StackUnreachable(f"saved, but not published in {PUBLISH_TIMEOUT_S:.0f} s; is the publisher up?")
        if applied_within_s is None or wait_applied(change_id, applied_within_s).complete:
            return DONE
        self.say(f"published, but not every live enforcer applied it within {applied_within_s:g} s")
        return ANSWER_IS_NO

    def _say_quarantined(self, server_id: str) -> None:
        held = Tool.objects.filter(server_id=server_id, state=ToolState.QUARANTINED).order_by("name")
        for tool in held[:MOST]:
            self.say(f"left in quarantine: {shortened(tool.name, LONGEST)}")


def line(tool: Tool) -> str:
    """`fs_delete  unreviewed  LOW, proposed HIGH: its name says 'delete'  takes path, force?`"""
    found, read = proposed(tool), reading(tool)
    risk = (
        f"{tool.risk}, proposed {found.risk}: {found.why}" if found.risk != tool.risk else f"{tool.risk}: {found.why}"
    )
    unchecked = [f"{p} unchecked" for kind in read.kinds if kind.unchecked for p in kind.pointers]
    taken = f"takes {', '.join(takes(tool)) or 'nothing'}"
    why, _ = what_changed(tool)
    notes = [f"can't be checked: {read.problem}"] if read.problem else unchecked
    return "  ".join(shortened(text, LONGEST) for text in (tool.name, tool.state, why, risk, taken, *notes))
