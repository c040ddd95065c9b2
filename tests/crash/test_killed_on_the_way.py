"""The second part of docs/crash-matrix.md: a pod that is killed leaves in the end what an undisturbed run leaves."""

from __future__ import annotations

import asyncpg
import pytest

from support.journeys import ENDPOINT, JOURNEYS
from support.kill_places import PLACES
from support.statement_locks import Holding


@pytest.mark.timeout(600)
@pytest.mark.parametrize("path", PLACES, ids=lambda path: path.replace(" ", "-"))
async def test_a_killed_pod_leaves_what_an_undisturbed_run_leaves(stage, dsn, path):
    """The places of a path share a sandbox and a database, and the pod that replaces a killed one dies next."""
    holders = [await asyncpg.connect(dsn.newest) for _ in range(2)]
    try:
        await stage.conn.execute(ENDPOINT)
        journey = JOURNEYS[path](stage)
        holding = Holding(stage.conn, holders, stage.until)
        expected = await undisturbed(stage, journey)
        for place in PLACES[path]:
            assert await killed(stage, journey, holding, place) == expected, place.name
        await journey.end()
    finally:
        for each in holders:
            await each.close()


async def undisturbed(stage, journey):
    await journey.new_run()
    await journey.prepare()
    await journey.begin()
    await stage.until(journey.done)
    await journey.finish()
    return await journey.left()


async def killed(stage, journey, holding, place):
    await journey.new_run()
    await stage.sandbox.tells(stage.api.public, times=2)
    await journey.prepare()
    await to_the_place(stage, journey, holding, place)
    await stage.kill()
    await holding.release()
    await stage.recover()
    await stage.sandbox.tells(stage.api.public, times=2)
    await journey.repeat()
    await journey.finish()
    await journey.left()
    await journey.tell_again()
    return await journey.left()


async def to_the_place(stage, journey, holding, place):
    """The process is held there; where it is to die at the end, nothing holds it."""
    if place.waits:
        await holding.at(place.waits, journey.begin)
        await journey.check_held()
        return
    if place.hang is not None:
        await stage.hang_at(place.hang)
    await journey.begin()
    await stage.until(stage.hangs if place.hang is not None else journey.done)
