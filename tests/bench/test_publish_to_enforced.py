"""From the publisher's write until it is in force in one idle enforcer, on a real Valkey. Recorded, never judged."""

import asyncio
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from enforcer.link.hooks import Hooks
from enforcer.link.link import Link, LinkSettings
from tests.enforcer.link import publisher
from tests.enforcer.link.conftest import valkey  # noqa: F401 - a fixture
from tests.enforcer.link.parts import ENFORCER, ENFORCER_KEY, ControlPlane, Valkey, running, until
from tests.enforcer.link.publisher import ROOT, SERVER, FakeTime, envelopes, incident

ROUNDS = 300


async def test_how_long_a_kill_takes_from_redis_into_force(
    tmp_path: Path,
    valkey: Valkey,  # noqa: F811
    record_property: Callable[[str, object], None],
) -> None:
    found: list[float] = []
    async with ControlPlane(publisher.bundle).serving() as plane:
        (tmp_path / "data").mkdir()
        settings = LinkSettings(
            enforcer_id=ENFORCER,
            server_ids=(SERVER,),
            root_keys=(ROOT.public,),
            data_dir=tmp_path / "data",
            key=ENFORCER_KEY,
            redis_url=valkey.url,
            password_file=valkey.password_file,
            control_plane_url=plane.url,
        )
        in_force = asyncio.Event()
        link = Link(settings, Hooks(on_change=lambda _server, _applied: in_force.set()), FakeTime())
        async with running(link.run()):
            await until(lambda: link.current(SERVER) is not None)
            for number in range(ROUNDS):
                written = envelopes(incident(6 + number, kills=("all",) if number % 2 == 0 else ()))
                in_force.clear()
                began = time.perf_counter()
                valkey.put(written, hint=True)
                await in_force.wait()
                found.append((time.perf_counter() - began) * 1000)
                assert link.current(SERVER).incident.epoch == 6 + number  # type: ignore[union-attr]
    p50, p99 = statistics.median(found), statistics.quantiles(found, n=100)[98]
    for name, value in (("p50", p50), ("p99", p99), ("worst", max(found))):
        record_property(f"publish_to_enforced_{name}_ms", round(value, 2))
    print(f"{ROUNDS} rounds: p50 {p50:.2f} ms, p99 {p99:.2f} ms, worst {max(found):.2f} ms")  # noqa: T201
