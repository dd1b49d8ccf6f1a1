"""What every enforcer process does, whoever speaks to it: its key, its servers, and the loops beside the calls."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from enforcer.config import Config
from enforcer.config_file import Upstream
from enforcer.contract.keys import SigningKey
from enforcer.discovery.hear import hear
from enforcer.discovery.watch import watch
from enforcer.enrol import enrol_if_invited
from enforcer.listening import start_admin
from enforcer.metrics import Metrics
from enforcer.parts import MakeServer, Parts
from enforcer.pipeline.server import GatedServer
from enforcer.sandbox.launch import Host
from enforcer.sandbox.probe import probe
from enforcer.secrets_on_disk import read_secret, signing_key


def own_key(config: Config) -> SigningKey:
    """Of an enrolled enforcer that is a process; raises `ConfigurationError` and `UnreachableError`."""
    for upstream in config.file.upstream:
        if upstream.embedded:
            raise config.problem("upstream", f"{upstream.server} is embedded in a program; open this file there")
    enrol_if_invited(config)
    key = signing_key(config.data_dir)
    read_secret(config.data_dir / config.file.policy_redis.password_file)  # the link reads it anew for each connection
    return key


def gated_servers(config: Config) -> MakeServer:
    """Behind a URL, or launched on this host."""
    host = Host(probe(), config.data_dir, Path.home())

    def gated(upstream: Upstream, metrics: Metrics, on_list_changed: Callable[[], None]) -> GatedServer:
        return GatedServer(upstream, config, host, partial(metrics.started, upstream.server), on_list_changed)

    return gated


@asynccontextmanager
async def beside_the_calls(config: Config, parts: Parts, dropped_lines: Callable[[], int]) -> AsyncIterator[None]:
    """The admin pages, and all that `looked_after` does."""
    admin = start_admin(config, parts, dropped_lines)
    async with looked_after(config, parts):
        yield
    if admin is not None:
        await asyncio.to_thread(admin.stop)


@asynccontextmanager
async def looked_after(config: Config, parts: Parts) -> AsyncIterator[None]:
    """Policy comes in, tools are looked at, receipts go out; all of it ends with the block."""
    async with asyncio.TaskGroup() as tasks:
        looks = (watch(parts.gate, id_, config.file.list_every_s) for id_ in config.server_ids)
        ears = (hear(parts.gate, upstream.server) for upstream in config.file.upstream if upstream.url)
        background = [tasks.create_task(each) for each in (parts.link.run(), parts.watch.run(), *looks, *ears)]
        parts.shipments.start()
        yield
        for task in background:
            task.cancel()
        await parts.close()
