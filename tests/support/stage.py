"""Where the crash matrix is played: a pod, a sandbox, locks that hold a process at a step, and the comparison."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg

from support import processes
from support.crash import Step
from support.kill_places import Hang
from support.limits import PROGRESS
from support.money import all_processed
from support.pauses import Pauses
from support.processes import ApiProcess, HingecraftProcess
from support.provider_records import Truth, coins_of, sessions_of
from support.sandbox import Sandbox
from support.standing_links import pay_through

MICRO, GENERATE = "/mission-support/micro-payment", "/charter/generate-payment"
KEY = {"Idempotency-Key": "a-key-of-the-crash-matrix"}
WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND application_name LIKE 'hingecraft%'
"""
CUT = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = $1 AND application_name LIKE 'hingecraft%'
"""
# As if the minutes had passed in which claims end and a checkout is old enough to be helped.
# Each on its own, and round what a pod holds just now: time must not make it fail.
TIME_PASSES = (
    """
    UPDATE provider_events SET claimed_until = NULL, next_attempt_at = now()
    WHERE id IN (SELECT id FROM provider_events WHERE processed_at IS NULL FOR UPDATE SKIP LOCKED)
    """,
    """
    UPDATE idempotency_keys SET claimed_until = now()
    WHERE (scope, key) IN (SELECT scope, key FROM idempotency_keys WHERE status IS NULL FOR UPDATE SKIP LOCKED)
    """,
    """
    UPDATE external_payments SET claimed_until = NULL, created_at = now() - interval '2 minutes', checked_at = NULL
    WHERE id IN (SELECT id FROM external_payments
                 WHERE status IN ('creating', 'unknown', 'pending') AND kind = 'single' FOR UPDATE SKIP LOCKED)
    """,
)
BOOKS = """
SELECT CASE WHEN p.source = 'standing_link' THEN p.provider_id ELSE p.id::text END AS id,
       p.status, p.provider, coalesce(sum(s.amount), 0) AS amount,
       count(s.id) FILTER (WHERE s.kind = 'charge') AS charges
FROM payments p LEFT JOIN settlements s ON s.payment_id = p.id GROUP BY p.id
"""
LINK_OF = "SELECT provider_url FROM external_payments WHERE kind = 'standing' AND currency = $1"
LOGIN = {"NOWPAYMENTS_EMAIL": "shop@example.com", "NOWPAYMENTS_PASSWORD": "a-password"}


class Stage:
    """One scenario's processes and database."""

    def __init__(self, folder: Path, dsn: str, sandbox: Sandbox) -> None:
        self._dsn = dsn
        self.sandbox = sandbox
        self.api = ApiProcess(folder, "api", dsn, **sandbox.environment, RATE_LIMIT="1000000")
        # The sandbox sends its events only to this pod; invoices have its address.
        self.environment = {**sandbox.environment, **LOGIN, "PUBLIC_URL": self.api.public, "DATABASE_URL": dsn}
        self.api.tell(PUBLIC_URL=self.api.public)
        self.job = HingecraftProcess(folder, "job", "reconcile", "--once", "--all", **self.environment)
        self.conn: asyncpg.Connection
        self._holder: asyncpg.Connection
        self._asked: list[asyncio.Task[None]] = []

    async def begin(self) -> None:
        self.conn = await asyncpg.connect(self._dsn)
        self._holder = await asyncpg.connect(self._dsn)
        # Enough, and few standing links to keep.
        await self.conn.execute("UPDATE currencies SET enabled = code IN ('USD', 'EUR', 'BTC')")
        await self.api.start()
        await self.api.until("/ready", 200)
        await self.sandbox.tells(self.api.public)

    async def end(self) -> None:
        for process in (self.api, self.job):
            await process.stop()
        await asyncio.gather(*self._asked, return_exceptions=True)
        await self._holder.close()
        await self.conn.close()

    # What donors and members do.

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, dict[str, Any]]:
        async with (
            aiohttp.ClientSession() as client,
            client.request(method, self.api.public + path, **options) as response,
        ):
            return response.status, await response.json()

    async def give(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        async with (
            aiohttp.ClientSession() as client,
            client.post(self.api.public + path, json=body, headers=KEY) as response,
        ):
            answer = await response.json()
            assert response.status == 200, answer
            found: dict[str, Any] = answer["data"]
            return found

    def ask(self, path: str, body: dict[str, Any]) -> None:
        """Give without waiting for the answer, which may never come."""

        async def asking() -> None:
            with suppress(aiohttp.ClientError, AssertionError, TimeoutError):
                await self.give(path, body)

        self._asked.append(asyncio.create_task(asking()))

    async def pay(self, payment: str, act: str = "pay") -> None:
        (session,) = await self.sandbox.sessions(payment)
        await self.sandbox.act(session["id"], act)

    async def pay_through_link(self, currency: str) -> None:
        url = await self.conn.fetchval(LINK_OF, currency)
        await pay_through(self.sandbox, url)

    # Holding a process at a step.

    async def lock(self, table: str) -> None:
        await self._holder.execute("BEGIN")
        await self._holder.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")

    async def unlock(self) -> None:
        await self._holder.execute("ROLLBACK")

    async def hang(self, step: Step, act: str) -> None:
        assert step.call is not None
        provider, method, path = step.call
        await self.sandbox.fault(act, provider=provider, method=method, path=path, seconds=40, times=99)

    async def hold(self, step: Step) -> None:
        """Keep this call waiting until `let_go`."""
        assert step.call is not None
        provider, method, path = step.call
        await self.sandbox.fault("slow", provider=provider, method=method, path=path, seconds=40, times=99)

    async def let_go(self) -> None:
        await self.sandbox.ask("DELETE", "/_sandbox/faults")

    async def hang_at(self, call: Hang) -> None:
        where = {"provider": call.provider, "method": call.method, "path": call.path}
        if call.answered:
            await self.sandbox.fault("slow", **where, seconds=0, times=call.answered)
        await self.sandbox.fault("timeout_after" if call.done else "timeout_before", **where, seconds=40, times=99)

    async def hangs(self) -> bool:
        """Whether a call is being kept waiting; where its answer is lost, it has had its effect."""
        faults = (await self.sandbox.ask("GET", "/_sandbox/switches"))["faults"]
        return any(fault["hanging"] for fault in faults)

    async def waits(self) -> bool:
        return bool(await self.conn.fetchval(WAITING))

    async def until(self, look: Callable[[], Awaitable[Any]], within: float = PROGRESS) -> Any:
        pauses = Pauses()
        async with asyncio.timeout(within):
            while not (found := await look()):
                await pauses.next()
        return found

    async def count(self, sql: str) -> int:
        found: int = await self.conn.fetchval(sql)
        return found

    async def lose_database(self) -> None:
        """Every connection of the product is cut, and none is let in for two seconds."""
        name = self._dsn.rpartition("/")[2]
        admin = await asyncpg.connect(self._dsn.replace(f"/{name}", "/postgres"))
        try:
            await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            await admin.execute(CUT, name)
            await asyncio.sleep(2)
        finally:
            await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
            await admin.close()

    async def kill(self) -> None:
        """The pod, and the statements that Postgres has from it: what waits for a lock is not carried out later."""
        await self.api.kill()
        await self.cut()

    async def cut(self) -> None:
        """Close the connections that killed processes have left."""

        async def gone() -> bool:
            return not await self.conn.fetchval(CUT, self._dsn.rpartition("/")[2])

        await self.until(gone)

    # Afterwards.

    async def recover_provider(self) -> None:
        await self.sandbox.ask("DELETE", "/_sandbox/switches")
        await self.sandbox.tells(self.api.public)

    async def time_passes(self) -> None:
        for statement in TIME_PASSES:
            await self.conn.execute(statement)

    async def recover(self) -> None:
        """Release the locks, switch the provider's faults off, and start the processes that died."""
        await self.unlock()
        await self.recover_provider()
        if self.job.running:
            await self.job.wait()
        if not self.api.running:
            await self.api.start()
        await self.api.until("/ready", 200)
        await self.time_passes()

    async def reconcile(self) -> dict[str, Any]:
        await self.time_passes()
        environment = {**self.environment, "SITE_URL": "https://www.example.com"}
        code, said, complained = await processes.run(["reconcile", "--once", "--all"], environment)
        assert code == 0, said + complained
        found: dict[str, Any] = json.loads(said.strip().splitlines()[-1])
        return found

    async def settle(self) -> None:
        await self.reconcile()
        await all_processed(self.conn, at_least=0)

    async def compare(self) -> None:
        """Our books equal the provider's: nothing twice, nothing missing, nothing unexplained."""
        ours = {row["id"]: row for row in await self.conn.fetch(BOOKS)}
        theirs = await self._truth()
        assert ours.keys() == theirs.keys()
        for payment, (status, amount, charges) in theirs.items():
            found = (ours[payment]["status"], ours[payment]["amount"], ours[payment]["charges"])
            assert found == (status, amount, charges), payment
        unfinished = (
            "SELECT count(*) FROM external_payments WHERE status IN ('creating', 'unknown') AND kind = 'single'"
        )
        assert await self.count(unfinished) == 0
        # The provider may still be sending again what it could not deliver.
        await all_processed(self.conn, at_least=0)
        assert await self.count("SELECT count(*) FROM settlements WHERE usd_amount IS NULL") == 0

    async def _truth(self) -> Truth:
        return {**await sessions_of(self.sandbox), **await coins_of(self.sandbox)}
