"""Jobs of the Wix app's dashboard: asked for, watched, cancelled, and exports that are read."""

from __future__ import annotations

import pytest

from support.jobs import FILL, Owner
from support.pods import running_pod


@pytest.fixture
def owner():
    return Owner()


async def test_an_export_has_each_payment_once(dsn, conn, owner):
    await conn.execute(FILL, 25_000)
    async with running_pod(dsn, **owner.settings) as pod:
        job = await owner.ask(pod)
        done = await owner.ended(pod, job)
        assert (done["status"], done["progressPercent"], done["result"]["rows"]) == ("completed", 100, 25_000), done
        rows = await owner.file(pod, job)
    ids = [str(row["id"]) for row in await conn.fetch("SELECT id FROM payments ORDER BY created_at DESC, id DESC")]
    assert [row["id"] for row in rows] == ids
