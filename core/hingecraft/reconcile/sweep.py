"""Checks all due checkouts, many at once but never all in memory; and runs the recoverer of each pod."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from uuid import UUID

from hingecraft.db import clock
from hingecraft.db.connection import Database
from hingecraft.errors import DatabaseUnavailableError
from hingecraft.leases.backoff import between
from hingecraft.payments.model import Status
from hingecraft.providers.port import CheckoutProvider
from hingecraft.reconcile import store
from hingecraft.reconcile.checker import Checker
from hingecraft.reconcile.model import STALE, Due, Outcome
from hingecraft.steps import Summary

log = logging.getLogger(__name__)

UNFINISHED = (Status.CREATING, Status.UNKNOWN)
OPEN = (*UNFINISHED, Status.PENDING)
_AT_ONCE = 50
_CLAIMED_AT_ONCE = 200
# A provider that has failed this often in a row is down, and is not called ten thousand more times.
_GIVEN_UP_AFTER = 50
# A few checkouts may be missing at their provider; more than that means another account.
_MISSING_AT_MOST = 2
_MISSING_SHARE = 0.05
_RECOVERED_AT_ONCE = 10
_RECOVER_EVERY = (10.0, 20.0)


class Sweep:
    """One pass over the due checkouts of one provider."""

    def __init__(
        self, database: Database, checker: Checker, provider: CheckoutProvider, summary: Summary, *, every: bool
    ) -> None:
        self._database = database
        self._checker = checker
        self._provider = provider
        self._summary = summary
        self._every = every
        self._failed_in_a_row = 0
        self._answered = 0
        self._missing: list[Due] = []

    async def run(self, since: datetime) -> None:
        """Check each once; ends early if the provider is down or does not know our checkouts."""
        await self._check_all(since)
        if self._too_many_missing:
            self._summary.fail(
                f"{self._provider.name} does not know {len(self._missing)} of {self._answered} checkouts: nothing was "
                "changed. Check that its key belongs to the account that made them"
            )
            return
        for due in self._missing:
            self._summary.count(await self._checker.give_up(due))

    @property
    def _too_many_missing(self) -> bool:
        return len(self._missing) > max(_MISSING_AT_MOST, self._answered * _MISSING_SHARE)

    async def _check_all(self, since: datetime) -> None:
        free = asyncio.Semaphore(_AT_ONCE)
        async with asyncio.TaskGroup() as checks:
            async for due in self._due(since):
                await free.acquire()
                if self._failed_in_a_row >= _GIVEN_UP_AFTER:
                    self._summary.explain(f"{self._provider.name} cannot be reached: the rest is left for the next run")
                    break
                if len(self._missing) >= _GIVEN_UP_AFTER and self._too_many_missing:
                    break
                checks.create_task(self._check(due, free))

    async def _due(self, since: datetime) -> AsyncIterator[Due]:
        last: UUID | None = None
        while page := await self._page(since, last):
            for due in page:
                yield due
            last = page[-1].id

    async def _page(self, since: datetime, last: UUID | None) -> Sequence[Due]:
        providers = [self._provider]
        async with self._database.connection() as conn:
            if self._summary.dry_run:
                return await store.due_after(conn, OPEN, providers, last, every=self._every, limit=_CLAIMED_AT_ONCE)
            return await store.claim(conn, OPEN, providers, since, every=self._every, limit=_CLAIMED_AT_ONCE)

    async def _check(self, due: Due, free: asyncio.Semaphore) -> None:
        try:
            outcome = await self._checker.check(due, self._summary.explain)
        finally:
            free.release()
        if outcome is Outcome.MISSING:
            self._missing.append(due)
        else:
            self._summary.count(outcome)
        self._answered += outcome is not Outcome.FAILED
        self._summary.stale += due.age > STALE
        self._failed_in_a_row = self._failed_in_a_row + 1 if outcome is Outcome.FAILED else 0


async def recover(database: Database, checker: Checker, providers: Sequence[CheckoutProvider]) -> None:
    """Run in every pod: finish interrupted checkouts within minutes, whether or not a Job runs."""
    while True:
        await asyncio.sleep(between(*_RECOVER_EVERY))
        try:
            async with database.connection() as conn:
                now = await clock.moment(conn)
                found = await store.claim(conn, UNFINISHED, providers, now, every=False, limit=_RECOVERED_AT_ONCE)
            for due in found:
                await checker.check(due, lambda why: log.info("the recoverer: %s", why))
        except DatabaseUnavailableError as error:
            log.warning("the recoverer is paused: %s", error)
