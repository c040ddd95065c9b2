"""Asks Stripe for the values of settlements that were booked before it had a balance transaction."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from hingecraft.db.connection import Connection, Database
from hingecraft.payments.books import Books, Recorded, whole
from hingecraft.payments.writing import Cause
from hingecraft.providers import stripe
from hingecraft.providers.findings import Finding
from hingecraft.providers.stripe.asking import StripeAsking
from hingecraft.providers.stripe.client import StripeProvider
from hingecraft.providers.stripe.reading import StripeReader
from hingecraft.reconcile.checker import COULD_NOT
from hingecraft.reconcile.model import next_check
from hingecraft.steps import Summary

log = logging.getLogger(__name__)

# Stripe usually creates it within the hour; `--audit-values` lists settlements without a value, for an admin.
ASKED_FOR = timedelta(days=7)
_AT_ONCE = 10
_PAGE = 100
_GIVEN_UP_AFTER = 10

DUE = """
SELECT s.id, s.provider_ref AS charge, now() - s.created_at AS age
FROM settlements s LEFT JOIN settlement_value_checks c ON c.settlement_id = s.id
WHERE s.usd_amount IS NULL AND s.provider = 'stripe' AND s.kind = 'charge' AND s.livemode = $1
  AND s.created_at > now() - $2::interval AND s.id > $3
  AND (c.next_check_at IS NULL OR c.next_check_at <= now() OR ($4 AND c.next_check_at < 'infinity'))
ORDER BY s.id LIMIT $5
"""
CHECKED = """
INSERT INTO settlement_value_checks (settlement_id, next_check_at)
VALUES ($1, coalesce(now() + $2::interval, 'infinity'))
ON CONFLICT (settlement_id) DO UPDATE SET next_check_at = excluded.next_check_at
"""
FORGET = """
DELETE FROM settlement_value_checks c USING settlements s
WHERE s.id = c.settlement_id AND (s.usd_amount IS NOT NULL OR s.created_at <= now() - $1::interval)
"""
_BEFORE_ALL = UUID(int=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unvalued:
    id: UUID
    charge: str
    age: timedelta


class ValueSweep:
    """One pass over Stripe's settlements that have no value yet and are due."""

    def __init__(
        self,
        database: Database,
        provider: StripeProvider,
        reader: StripeReader,
        books: Books,
        summary: Summary,
        *,
        actor: str,
        every: bool = False,
    ) -> None:
        self._database = database
        self._livemode = provider.livemode
        self._asking = StripeAsking(provider, reader)
        self._books = books
        self._summary = summary
        self._every = every
        self._cause = Cause(actor=actor, action="reconciled", always=False)
        self._failed_in_a_row = 0

    async def run(self) -> None:
        """Ask about each once; ends early if Stripe is down."""
        last = _BEFORE_ALL
        while (page := await self._page(last)) and self._failed_in_a_row < _GIVEN_UP_AFTER:
            free = asyncio.Semaphore(_AT_ONCE)
            async with asyncio.TaskGroup() as asked:
                for settlement in page:
                    asked.create_task(self._ask(settlement, free))
            last = page[-1].id
        if not self._summary.dry_run:
            async with self._database.connection() as conn:
                await conn.execute(FORGET, ASKED_FOR)

    async def _page(self, last: UUID) -> Sequence[_Unvalued]:
        async with self._database.connection() as conn:
            rows = await conn.fetch(DUE, self._livemode, ASKED_FOR, last, self._every, _PAGE)
        return [_Unvalued(**dict(row)) for row in rows]

    async def _ask(self, settlement: _Unvalued, free: asyncio.Semaphore) -> None:
        async with free:
            if self._failed_in_a_row >= _GIVEN_UP_AFTER:
                return
            self._summary.values_asked += 1
            try:
                recorded, is_final = await self._value(settlement)
            except COULD_NOT as error:
                log.warning("the value of settlement %s could not be fetched: %s", settlement.id, error)
                self._summary.fail(f"the value of {settlement.charge} could not be fetched: {error}")
                self._failed_in_a_row += 1
                return
        self._failed_in_a_row = 0
        self._summary.values_found += sum(each.valued for each in recorded) > 0
        if is_final:
            self._summary.explain(
                "Stripe pays some payments out in another currency than USD: their value is unknown "
                "unless fx_rates has a rate for the day"
            )

    async def _value(self, settlement: _Unvalued) -> tuple[list[Recorded], bool]:
        """Set a value, and the time of the next question; a dry run rolls the transaction back."""
        question = Finding(
            provider=stripe.NAME,
            livemode=self._livemode,
            told_by=self._cause.actor,
            charge=settlement.charge,
        )
        findings = whole(await self._asking.again(question))
        async with self._database.connection() as conn:
            transaction = conn.transaction()
            await transaction.start()
            try:
                recorded = [await self._books.record(conn, finding, self._cause) for finding in findings]
                is_final = any(finding.worth_is_known for finding in findings) and not any(
                    each.valued for each in recorded
                )
                await _checked(conn, settlement, is_final=is_final)
            except BaseException:
                await transaction.rollback()
                raise
            await (transaction.rollback() if self._summary.dry_run else transaction.commit())
        return recorded, is_final


async def _checked(conn: Connection, settlement: _Unvalued, *, is_final: bool) -> None:
    await conn.execute(CHECKED, settlement.id, None if is_final else next_check(settlement.age))
