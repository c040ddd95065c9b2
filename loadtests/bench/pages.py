"""The site's pages on a phone, and the way from a click to the payment page; Chromium measures, throttled."""

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
from support.published_site import world
from toolchain import node_js


def run() -> Iterator[Figure]:
    need("chromium", "chromium")
    with postgres() as server:
        migrate(server)
        found = asyncio.run(_measured(DsnSecret(server.dsn())))
    ready, clicks = found["interactive"], sorted(found["clicks"])
    middle = statistics.median(clicks)
    say(f"throttled: one bare button {ready['bare']:.0f} ms, Charter {ready['charter']:.0f} ms, "
        f"Mission Support {ready['missionSupport']:.0f} ms")  # fmt: skip
    say(f"a click: p50 {middle:.0f} ms, slowest {clicks[-1]:.0f} ms, the sandbox's own time among it")
    yield Figure("Charter interactive on a throttled phone, median", ready["charter"], 1000, unit=" ms")
    yield Figure("Mission Support interactive, likewise", ready["missionSupport"], 1000, unit=" ms")
    yield Figure("Charter against a page of one bare button", ready["charter"] / ready["bare"], 2.5)
    yield Figure("from a click to the browser's way to the payment page, median", middle, 300, unit=" ms")


async def _measured(dsn: Secret) -> dict[str, Any]:
    async with world(dsn) as told:
        found: dict[str, Any] = json.loads(await asyncio.to_thread(node_js.said_by, "test/speed.mjs", **told))
        return found
