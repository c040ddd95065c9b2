"""Jobs of a site's owner, and payments for their exports."""

from __future__ import annotations

import asyncio
import csv
import io
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from hingecraft.jobs import store
from hingecraft.jobs.model import Claimed
from support import wix
from support.limits import PROGRESS
from support.pods import Running

JOBS = "/api/v1/wix/jobs"
ENDED = {"completed", "failed", "cancelled"}
# Newest last; of each hundred, statuses and currencies in turn.
FILL = """
INSERT INTO payments (id, amount, currency, price_currency, status, provider, livemode, purpose, source, created_at)
SELECT gen_random_uuid(), 5 + n % 3, CASE WHEN n % 5 = 0 THEN 'EUR' ELSE 'USD' END,
       CASE WHEN n % 5 = 0 THEN 'EUR' ELSE 'USD' END, CASE WHEN n % 4 = 0 THEN 'expired' ELSE 'completed' END, 'stripe',
       true, 'donation', 'charter', now() - make_interval(secs => $1::int - n)
FROM generate_series(1, $1::int) n
"""


class Owner:
    """An owner's dashboard, at one pod or another."""

    def __init__(self, site: UUID | None = None, token: str | None = None) -> None:
        self.site = site or uuid4()
        self._token = token

    @property
    def settings(self) -> dict[str, Any]:
        return {**wix.settings(), "wix_owner_instances": str(self.site)}

    @property
    def environment(self) -> dict[str, str]:
        """The settings of a pod that is a process and limits nobody."""
        return {**{name.upper(): value for name, value in self.settings.items()}, "RATE_LIMIT": "1000000"}

    @property
    def headers(self) -> dict[str, str]:
        return wix.owner(self.site) if self._token is None else wix.as_instance(self._token)

    async def ask(self, pod: Running, kind: str = "export", **more: Any) -> str:
        """Begin a job; answers its id."""
        status, answer = await self.call(pod, "POST", json={"type": kind, **more})
        assert status == 202, answer
        found: str = answer["data"]["jobId"]
        return found

    async def call(self, pod: Running, method: str, path: str = "", **options: Any) -> tuple[int, dict[str, Any]]:
        headers = {**self.headers, **options.pop("headers", {})}
        return await pod.call(method, JOBS + path, headers=headers, **options)

    async def job(self, pod: Running, job_id: str) -> dict[str, Any]:
        status, answer = await self.call(pod, "GET", f"/{job_id}")
        assert status == 200, answer
        found: dict[str, Any] = answer["data"]
        return found

    async def ended(self, pod: Running, job_id: str) -> dict[str, Any]:
        """Wait for the job's end."""
        async with asyncio.timeout(PROGRESS):
            while (found := await self.job(pod, job_id))["status"] not in ENDED:
                await asyncio.sleep(0.05)
        return found

    async def file(self, pod: Running, job_id: str) -> list[dict[str, str]]:
        """The rows of the job's file, of which nothing is missing."""
        async with pod.client.get(pod.public + f"{JOBS}/{job_id}/result", headers=self.headers) as response:
            assert response.status == 200, await response.text()
            body = await response.read()
        assert len(body) == int(response.headers["Content-Length"])
        return rows_of(body)


async def claimed_export(conn: asyncpg.Connection) -> Claimed:
    """The oldest export that waits, leased."""
    found = await store.claim(conn, ["export"])
    assert found is not None
    return found


def rows_of(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode(), newline="")))
