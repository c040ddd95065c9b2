from __future__ import annotations

import asyncio

from hingecraft.sync.changes import Changes, Timing
from support.limits import PROGRESS

QUICK = Timing(leading=False, quiet=0.05, longest=0.2)
LEADING = Timing(quiet=60, longest=60)


async def test_ten_changes_one_after_the_other_settle_once():
    changes = Changes()
    settled = asyncio.create_task(changes.settled(QUICK))
    for _ in range(10):
        changes.notice()
        await asyncio.sleep(0.005)
    await settled
    with_nothing_new = asyncio.create_task(changes.settled(QUICK))
    await asyncio.sleep(0.1)
    assert not with_nothing_new.done()
    with_nothing_new.cancel()


async def test_changes_without_end_are_answered_after_the_longest_wait():
    changes = Changes()
    loop = asyncio.get_running_loop()

    async def keep_changing():
        while True:
            changes.notice()
            await asyncio.sleep(0.01)

    noise = asyncio.create_task(keep_changing())
    started = loop.time()
    await changes.settled(QUICK)
    noise.cancel()
    assert QUICK.longest * 0.9 <= loop.time() - started < QUICK.longest + 0.5


async def test_a_change_during_a_rebuild_causes_another():
    changes = Changes()
    changes.notice()
    await changes.settled(QUICK)
    changes.notice()  # the rebuild that the first one caused is still running
    async with asyncio.timeout(PROGRESS):
        await changes.settled(QUICK)


async def test_it_answers_when_the_first_change_was_noticed():
    changes = Changes()
    before = asyncio.get_running_loop().time()
    changes.notice()
    await asyncio.sleep(0.02)
    changes.notice()
    assert abs(await changes.settled(QUICK) - before) < 0.01


async def test_the_first_change_after_a_quiet_time_does_not_wait():
    changes = Changes()
    changes.notice()
    async with asyncio.timeout(PROGRESS):
        await changes.settled(LEADING)


async def test_a_change_soon_after_another_waits_for_quiet():
    changes = Changes()
    changes.notice()
    await changes.settled(LEADING)
    changes.notice()
    waiting = asyncio.create_task(changes.settled(LEADING))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    waiting.cancel()
    changes.notice()
    async with asyncio.timeout(PROGRESS):
        await changes.settled(Timing(quiet=0.01, longest=0.02))
