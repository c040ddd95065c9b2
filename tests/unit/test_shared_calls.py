"""Callers with the same question share a call that began after they asked."""

from __future__ import annotations

import asyncio

import pytest

from hingecraft.dashboard.shared_calls import SharedCalls
from support.limits import PROGRESS


class Source:
    """Counts calls; each ends when the test says so, and answers what was true when it began."""

    def __init__(self):
        self.value, self.calls = 0, 0
        self.began, self.ends = asyncio.Event(), asyncio.Event()

    async def read(self, question):
        self.calls += 1
        value = self.value
        self.began.set()
        await self.ends.wait()
        if question == "broken":
            raise ValueError(value)
        return value


async def test_a_crowd_shares_the_next_call_and_gets_nothing_older_than_its_question():
    source = Source()
    shared = SharedCalls(source.read)
    async with asyncio.timeout(PROGRESS), asyncio.TaskGroup() as group:
        first = [group.create_task(shared.ask("a")) for _ in range(3)]
        await source.began.wait()
        source.value = 1
        later = [group.create_task(shared.ask("a")) for _ in range(50)]
        other = group.create_task(shared.ask("b"))
        await asyncio.sleep(0)
        source.ends.set()
    assert [each.result() for each in first] == [0, 0, 0]
    assert {each.result() for each in (*later, other)} == {1}
    assert source.calls == 3


async def test_an_error_is_everybodys_and_a_caller_who_leaves_is_not():
    source = Source()
    shared = SharedCalls(source.read)
    async with asyncio.timeout(PROGRESS):
        waiting = [asyncio.create_task(shared.ask("broken")) for _ in range(3)]
        await source.began.wait()
        waiting[0].cancel()
        source.ends.set()
        found = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(each) for each in found] == [asyncio.CancelledError, ValueError, ValueError]
        with pytest.raises(ValueError, match="0"):
            await shared.ask("broken")
    assert source.calls == 2
