"""`manage.py kill raise|lower TARGET`: acts at once, then shows which enforcers have confirmed it, and how fast."""

import time
from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from controlplane.common.actor import host_operator
from controlplane.common.commands import ANSWER_IS_NO, DONE, UsageError
from controlplane.common.commands import Command as BaseCommand
from controlplane.common.errors import StackUnreachable
from controlplane.fleet import emergency
from controlplane.fleet.convergence import Convergence, Watch, concerned, incident_applied
from controlplane.fleet.roll import read_roll
from controlplane.incidents.emergency import Means, lower_in_emergency, raise_in_emergency
from controlplane.incidents.planning import plan_kill
from controlplane.incidents.services import Switched, lower_kill, raise_kill
from controlplane.policy import waiting
from controlplane.policy.publisher.keys import KeysProblemError, incident_key
from controlplane.policy.services import incident_changed
from enforcer.contract.times import to_text

LONGEST_S = 86_400
LONGEST_FOR_S = 366 * 86_400
ON_EACH_HOST = "`enforcer kill` on each host needs nobody"


class Command(BaseCommand):
    """The host operator's way; it needs the database and, to see the fleet, Redis."""

    help = "Raise or lower a kill switch and wait for the fleet."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """As CONTRACTS section 1."""
        parser.add_argument("action", choices=("raise", "lower"))
        parser.add_argument("target", metavar="TARGET")
        parser.add_argument("--reason", required=True, metavar="TEXT")
        parser.add_argument("--timeout", type=float, default=10.0, metavar="S", help="seconds to wait, 10 if not given")
        parser.add_argument("--for", dest="lasts", type=float, metavar="S", help="seconds after which it lowers itself")
        parser.add_argument(
            "--at", metavar="TIME", help="a time to come, as 2027-01-31T22:00:00Z, at which it is raised"
        )
        parser.add_argument("--emergency", action="store_true", help="without the database, with the key of this host")

    def work(self, options: dict[str, Any]) -> int:
        """The switch is set even where nobody can be watched."""
        if not 0 <= options["timeout"] < LONGEST_S:
            raise UsageError.option("--timeout", f"is out of range; write seconds below {LONGEST_S}")
        if not options["reason"].strip():
            raise UsageError.option("--reason", "is empty; say why, for the receipt")
        if options["lasts"] is not None and (options["action"] == "lower" or options["emergency"]):
            raise UsageError.option("--for", "belongs to raise without --emergency; leave it out")
        if options["lasts"] is not None and not 0 < options["lasts"] <= LONGEST_FOR_S:
            raise UsageError.option("--for", f"is out of range; write seconds up to {LONGEST_FOR_S}")
        if options["at"] is not None:
            return self._plan(options)
        if options["emergency"]:
            return self._emergency(options)
        until = time.monotonic() + options["timeout"]
        watch = _watch()
        if watch is None:
            self._report_change(_switch(options), options["action"])
            raise StackUnreachable("it is in the database, but Redis can't be reached to publish it or see the fleet")
        with watch:
            switched = _switch(options)
            self._report_change(switched, options["action"])
            wanted = _wanted(switched, options, until)
            seen = watch.wait(incident_applied, wanted, timeout_s=max(until - time.monotonic(), 0.0))
        return self._report_fleet(seen, bool(concerned(wanted)))

    def _plan(self, options: dict[str, Any]) -> int:
        """Nothing is stopped yet, so there is nothing to wait for."""
        if options["action"] == "lower" or options["emergency"]:
            raise UsageError.option("--at", "belongs to raise without --emergency; leave it out")
        starts_at = _time(options["at"])
        ends = None if options["lasts"] is None else starts_at + timedelta(seconds=options["lasts"])
        target, reason = options["target"], options["reason"]
        plan = plan_kill(target=target, starts_at=starts_at, expires_at=ends, reason=reason, actor=host_operator())
        self.stdout.write(f"plan-{plan.pk}: {plan.target} will be raised at {to_text(starts_at.timestamp())}")
        return DONE

    def _emergency(self, options: dict[str, Any]) -> int:
        """Nothing here asks the database."""
        if not settings.REDIS_URL:
            raise StackUnreachable(f"nobody said where Redis is (REDIS_URL); {ON_EACH_HOST}")
        act = lower_in_emergency if options["action"] == "lower" else raise_in_emergency
        began = time.monotonic()
        try:
            known = read_roll(settings.KEYS_DIR)
            guarded = frozenset(id_ for one in known or () for id_ in one.lasts)
            means = Means(incident_key(settings.KEYS_DIR), settings.KEYS_DIR, settings.REDIS_URL, guarded)
            done = act(target=options["target"], reason=options["reason"], by=host_operator().name, means=means)
        except KeysProblemError as problem:
            raise UsageError(str(problem)) from None
        except OSError as problem:
            sentence = f"can't be written: {problem.strerror}; {ON_EACH_HOST}"
            raise UsageError(f"{settings.KEYS_DIR}:1: -: {sentence}") from None
        self.say(f"{done.id}: the publisher takes it into the database when that is back")
        for server_id, why in done.refused.items():
            self.say(f"server {server_id} is not told: {why}; {ON_EACH_HOST}")
        if not done.wanted:
            return ANSWER_IS_NO
        if known is None:
            self.say("nobody knows the fleet without the database: no confirmation can be believed")
            return ANSWER_IS_NO
        seen = emergency.wait(settings.REDIS_URL, known, done.wanted, since=began, timeout_s=options["timeout"])
        code = self._report_fleet(seen, bool(seen.confirmed or seen.silent))
        return ANSWER_IS_NO if done.refused else code

    def _report_change(self, switched: Switched, action: str) -> None:
        if switched.change_id is None:
            self.say("it was raised already" if action == "raise" else "it was not raised")

    def _report_fleet(self, seen: Convergence, anybody: bool) -> int:
        if not anybody:
            self.stdout.write("no enforcers")
            return DONE
        for one in seen.confirmed:
            self.stdout.write(f"{one.enforcer_id}  {one.ms:.1f} ms")
        for quiet in seen.silent:
            self.stdout.write(f"{quiet.enforcer_id}  silent, stops by {to_text(quiet.stops_by)}")
        total = len(seen.confirmed) + len(seen.silent)
        self.stdout.write(f"converged {len(seen.confirmed)} of {total} in {seen.ms:.1f} ms")
        return DONE if seen.complete else ANSWER_IS_NO


def _time(text: str) -> datetime:
    try:
        made = datetime.fromisoformat(text)
    except ValueError:
        made = None
    if made is None or made.tzinfo is None:
        raise UsageError.option("--at", f"{text[:40]!r} is no time; write one like 2027-01-31T22:00:00Z")
    return made


def _watch() -> Watch | None:
    try:
        return Watch().open()
    except StackUnreachable:
        return None


def _switch(options: dict[str, Any]) -> Switched:
    target, reason, actor = options["target"], options["reason"], host_operator()
    if options["action"] == "lower":
        return lower_kill(target=target, reason=reason, actor=actor)
    ends = None if options["lasts"] is None else timezone.now() + timedelta(seconds=options["lasts"])
    return raise_kill(target=target, reason=reason, actor=actor, expires_at=ends)


def _wanted(switched: Switched, options: dict[str, Any], until: float) -> dict[str, int]:
    """Server → the epoch that carries the switch; one that stood already may have waited, so it is published again."""
    change_id = switched.change_id or incident_changed(
        server_ids=switched.server_ids, actor=host_operator(), reason=options["reason"]
    )
    if not waiting.wait_published(change_id, max(until - time.monotonic(), 0.0)):
        raise StackUnreachable("it is in the database, but the publisher doesn't answer; is the control plane up?")
    return waiting.numbers(change_id)
