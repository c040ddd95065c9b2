from __future__ import annotations

import asyncio

import pytest

from hingecraft.sync.changes import Changes, Timing
from support.virtual_time import in_virtual_time

QUICK = Timing(leading=False, quiet=0.05, longest=0.2)
LEADING = Timing(quiet=60, longest=60)


def now() -> float:
    return asyncio.get_running_loop().time()


@in_virtual_time
async def test_ten_changes_one_after_the_other_settle_once():
    changes = Changes()
    settled = asyncio.create_task(changes.settled(QUICK))
    for _ in range(10):
        changes.notice()
        await asyncio.sleep(0.005)
    await settled
    assert now() == pytest.approx(9 * 0.005 + QUICK.quiet)
    with_nothing_new = asyncio.create_task(changes.settled(QUICK))
    await asyncio.sleep(3600)
    assert not with_nothing_new.done()
    with_nothing_new.cancel()


@in_virtual_time
async def test_changes_without_end_are_answered_after_the_longest_wait():
    changes = Changes()

    async def keep_changing():
        while True:
            changes.notice()
            await asyncio.sleep(0.01)

    noise = asyncio.create_task(keep_changing())
    await changes.settled(QUICK)
    noise.cancel()
    assert now() == pytest.approx(QUICK.longest)


@in_virtual_time
async def test_a_change_during_a_rebuild_causes_another():
    changes = Changes()
    changes.notice()
    await changes.settled(QUICK)
    changes.notice()  # the rebuild that the first one caused is still running
    await changes.settled(QUICK)
    assert now() == pytest.approx(2 * QUICK.quiet)


@in_virtual_time
async def test_it_answers_when_the_first_change_was_noticed():
    changes = Changes()
    await asyncio.sleep(1)
    changes.notice()
    await asyncio.sleep(0.02)
    changes.notice()
    assert await changes.settled(QUICK) == pytest.approx(1)
    assert now() == pytest.approx(1 + 0.02 + QUICK.quiet)


@in_virtual_time
async def test_the_first_change_after_a_quiet_time_does_not_wait():
    changes = Changes()
    changes.notice()
    await changes.settled(LEADING)
    assert now() == 0


@in_virtual_time
async def test_a_change_soon_after_another_waits_for_quiet():
    changes = Changes()
    changes.notice()
    await changes.settled(LEADING)
    changes.notice()
    waiting = asyncio.create_task(changes.settled(LEADING))
    await asyncio.sleep(LEADING.quiet - 1)
    assert not waiting.done()
    await waiting
    assert now() == pytest.approx(LEADING.quiet)
