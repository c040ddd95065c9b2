"""An export is interrupted in the middle: by the death of its pod, and by that of Postgres. Real processes."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import asyncpg
import pytest

from hingecraft.migrations.command import bring_up_to_date
from hingecraft.settings import DsnSecret
from hingecraft_sandbox.postgres import Postgres, find_binaries, free_port
from support.folders import open_folder
from support.jobs import FILL, Owner
from support.limits import PROGRESS
from support.pods import Running
from support.processes import ApiProcess

PAYMENTS, PLACE = 50_000, 4
# The statement that saves this part waits for the test: the pod is in the middle of it.
HOLD = f"""
CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.number = {PLACE} THEN PERFORM pg_advisory_xact_lock(1, 1); END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER hold BEFORE INSERT ON job_parts FOR EACH ROW EXECUTE FUNCTION hold();
"""
HELD = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 1 AND NOT granted"


@dataclass
class Scene:
    """Two pods before a Postgres of their own; the export of the first one's owner stops at a place."""

    postgres: Postgres
    pods: list[ApiProcess]
    owner: Owner
    client: aiohttp.ClientSession

    def at(self, pod: ApiProcess) -> Running:
        return Running(None, pod.public, pod.internal, self.client)  # type: ignore[arg-type]  # the pod is another process

    @asynccontextmanager
    async def held_in_the_middle(self) -> AsyncIterator[str]:
        """An export of the first pod, while it saves a part; it goes on at the end of the block."""
        conn = await asyncpg.connect(self.postgres.dsn())
        await conn.execute("SELECT pg_advisory_lock(1, 1)")
        job = await self.owner.ask(self.at(self.pods[0]))
        async with asyncio.timeout(PROGRESS):
            while not await conn.fetchval(HELD):
                await asyncio.sleep(0.02)
        yield job
        await conn.close()

    async def has_each_payment_once(self, job: str) -> None:
        pod = self.at(self.pods[1])
        done = await self.owner.ended(pod, job)
        assert (done["status"], done["result"]["rows"]) == ("completed", PAYMENTS), done
        rows = await self.owner.file(pod, job)
        conn = await asyncpg.connect(self.postgres.dsn())
        ids = await conn.fetch("SELECT id FROM payments ORDER BY created_at DESC, id DESC")
        await conn.close()
        assert [row["id"] for row in rows] == [str(row["id"]) for row in ids]


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    owner = Owner()
    with open_folder() as folder:
        postgres = Postgres(folder=folder / "postgres", binaries=find_binaries(), port=free_port())
        postgres.start()
        try:
            await bring_up_to_date(DsnSecret(postgres.dsn()), "hingecraft_app", lambda _line: None)
            conn = await asyncpg.connect(postgres.dsn())
            await conn.execute(FILL, PAYMENTS)
            await conn.execute(HOLD)
            await conn.close()
            pods = [ApiProcess(folder, f"api-{number}", postgres.dsn(), **owner.environment) for number in range(2)]
            async with aiohttp.ClientSession() as client:
                for pod in pods:
                    await pod.start()
                for pod in pods:
                    await pod.until("/ready", 200)
                yield Scene(postgres, pods, owner, client)
            for pod in pods:
                await pod.stop()
        finally:
            postgres.stop(immediately=True)


async def test_another_pod_goes_on_after_a_kill(scene):
    first, second = scene.pods
    second.signal(signal.SIGSTOP)
    async with scene.held_in_the_middle() as job:
        await first.kill()
    # The statement of the dead pod is committed all the same, as Postgres does not miss its client.
    second.signal(signal.SIGCONT)
    await scene.has_each_payment_once(job)


async def test_an_export_goes_on_after_postgres_has_died(scene):
    async with scene.held_in_the_middle() as job:
        await asyncio.to_thread(scene.postgres.stop, immediately=True)
    await asyncio.to_thread(scene.postgres.start)
    for pod in scene.pods:
        await pod.until("/ready", 200)
    await scene.has_each_payment_once(job)
