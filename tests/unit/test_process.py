from __future__ import annotations

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
        await process.outlive("the work", work)
    assert len(attempts) == 3
    assert caplog.text.count("the work failed, restarting") == 2
