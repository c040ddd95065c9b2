"""The owner's dashboard in Wix's frame: sizes, the first numbers on a slow laptop, and a long list that scrolls."""

from __future__ import annotations

import asyncio
import json
import statistics
from collections.abc import Iterator
from typing import Any

from bench.api_process import migrate
from bench.figures import Figure, say
from bench.programs import need
from bench.servers import postgres

from hingecraft.settings import DsnSecret, Secret
from support.dashboard_world import dashboard_world
from toolchain import dashboard, node_js, page_sizes


def run() -> Iterator[Figure]:
    need("chromium", "chromium")
    dashboard.ready()
    for size in page_sizes.all_sizes():
        yield Figure(f"{size.what}, gzipped", size.kilobytes, size.limit, unit=" KB")
    with postgres() as server:
        migrate(server)
        loads, scrolls = asyncio.run(_measured(DsnSecret(server.dsn())))
    yield from _usable(loads)
    yield from _smooth(scrolls)


async def _measured(dsn: Secret) -> list[Any]:
    async with dashboard_world(dsn) as told:
        script = "dashboard/test/speed.mjs"
        asked = [await asyncio.to_thread(node_js.said_by, script, what, **told) for what in ("loads", "scrolls")]
        return [json.loads(each) for each in asked]


def _usable(loads: list[dict[str, float]]) -> Iterator[Figure]:
    painted, answered = (statistics.median(each[name] for each in loads) for name in ("painted", "answered"))
    say(f"throttled: the first real numbers after {painted:.0f} ms, a click answered in {answered:.0f} ms")
    usable = sorted(each["painted"] + each["answered"] for each in loads)
    say(f"slowest of {len(usable)}: {usable[-1]:.0f} ms")
    yield Figure("usable on a throttled laptop, median", statistics.median(usable), 2000, unit=" ms")


def _smooth(scrolls: dict[str, list[dict[str, float]]]) -> Iterator[Figure]:
    rates = {name: [each["frames"] / each["seconds"] for each in rounds] for name, rounds in scrolls.items()}
    for name, rounds in scrolls.items():
        each = ", ".join(f"{rate:.1f}" for rate in rates[name])
        say(f"{name}: {rounds[0]['height']:,.0f} px scrolled at {each} frames a second")
    middle = {name: statistics.median(each) for name, each in rates.items()}
    yield Figure("frames a second while 1,000 payments scroll", round(middle["list"]), 60, at_least=True)
    yield Figure("compared with an empty page of that height", middle["list"] / middle["empty"], 0.95, at_least=True)
