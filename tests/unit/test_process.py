from __future__ import annotations

import asyncio
import logging

from hingecraft import process


async def test_work_that_meets_a_surprise_begins_again_and_says_so(monkeypatch, caplog):
    monkeypatch.setattr(process, "_BEGIN_AGAIN_AFTER", 0.0)
    attempts = []

    async def work() -> None:
        attempts.append(1)
        if len(attempts) < 3:
            raise RuntimeError("a surprise")

    with caplog.at_level(logging.ERROR):
        await process.run_forever("the work", work)
    assert len(attempts) == 3
    assert caplog.text.count("the work failed, restarting") == 2


async def test_who_is_cancelled_while_a_task_ends_is_cancelled(caplog):
    """Otherwise a process that stops waits for ever for somebody who has not noticed."""
    ending, ended = asyncio.Event(), asyncio.Event()

    async def slow_to_end() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ending.set()
            await ended.wait()

    task = asyncio.create_task(slow_to_end())
    await asyncio.sleep(0)
    caller = asyncio.create_task(process.cancel(task))
    await ending.wait()
    caller.cancel()
    await asyncio.wait([caller])
    assert caller.cancelled()
    ended.set()
    await process.cancel(task)
    assert task.cancelled()
    assert not caplog.records


async def test_a_task_that_fails_while_it_is_stopped_is_told(caplog):
    async def fails() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            raise RuntimeError("a surprise")

    task = asyncio.create_task(fails(), name="the work")
    await asyncio.sleep(0)
    await process.cancel(task)
    assert "the work failed while it was stopped" in caplog.text
