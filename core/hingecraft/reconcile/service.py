"""One reconciliation: events that never came, the inbox, checkouts that are due, what systems add, what is too old."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

import simplejson

from hingecraft import audit
from hingecraft.db import clock
from hingecraft.db.connection import Database
from hingecraft.errors import DatabaseUnavailableError
from hingecraft.inbox import store as inbox
from hingecraft.inbox.handlers import Handlers, Registration
from hingecraft.inbox.model import InboundEvent
from hingecraft.inbox.worker import Worker
from hingecraft.installation.accounts import require_our_account
from hingecraft.money.book import CurrencyBook
from hingecraft.payments import applying
from hingecraft.payments.books import Books
from hingecraft.providers import nowpayments, stripe
from hingecraft.providers.nowpayments import webhook as nowpayments_webhook
from hingecraft.providers.port import ProviderRejectedError, ProviderUnknownError
from hingecraft.providers.registry import Providers
from hingecraft.providers.stripe import ports
from hingecraft.providers.stripe import webhook as stripe_webhook
from hingecraft.providers.stripe.reading import StripeReader
from hingecraft.reconcile import store
from hingecraft.reconcile.checker import Checker
from hingecraft.reconcile.sweep import Sweep
from hingecraft.reconcile.values import ValueSweep
from hingecraft.steps import Options, Run, Step, Steps, Summary

log = logging.getLogger(__name__)

ACTOR = "reconcile"
_STORED_AT_ONCE = 100
# A coin payment without a deposit expires after seven days; until then its status may still change.
_COINS_MOVE_FOR = timedelta(days=8)
# Seconds; the next run begins 15 minutes after this one.
_FORGETS_FOR = 300.0
_UNREACHABLE = (ProviderRejectedError, ProviderUnknownError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The step that a reconciliation has come to, of how many, and its counts, which go on growing."""

    name: str
    number: int
    of: int
    summary: Summary


Watch = Callable[[Stage], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciler:
    """Runs reconciliations."""

    database: Database
    providers: Providers
    currencies: CurrencyBook
    books: Books
    # None: this process does not delete old data.
    retention_days: int | None
    steps: Steps
    # What systems take from the inbox beside payments.
    others: Sequence[Registration] = ()

    async def run(self, options: Options, watch: Watch = lambda _stage: None) -> Summary:
        """Run once. Safe to repeat, to run concurrently, and to run again after a kill."""
        run = await self._begin(options)
        stages = self._stages
        for number, (name, step) in enumerate(stages):
            watch(Stage(name=name, number=number, of=len(stages), summary=run.summary))
            await step(run)
        return run.summary

    @property
    def _stages(self) -> Sequence[tuple[str, Step]]:
        """The steps in their order, each with a name for people who watch."""
        return (
            ("Comparing Stripe's account", self._check_account),
            ("Reading Stripe's events", self._read_events),
            ("Reading payments in coins", self._read_coins),
            *(("Preparing", step) for step in self.steps.before_events),
            ("Processing events", self._process_events),
            ("Checking open checkouts", self._check_checkouts),
            ("Closing payments whose checkout has ended", self._close_stranded),
            ("Finding the value of settlements", self._find_values),
            *(("Comparing with Stripe and Wix", step) for step in self.steps.after_checks),
            ("Recording the result", self._end),
        )

    async def _begin(self, options: Options) -> Run:
        summary = Summary(dry_run=options.dry_run)
        await self.currencies.refresh()
        async with self.database.connection() as conn:
            started = await clock.moment(conn)
        wanted = options.providers or (stripe.NAME, nowpayments.NAME)
        names = [name for name in wanted if self.providers.of(name).configured]
        for name in sorted(set(wanted) - set(names)):
            summary.explain(f"{name} is not configured, so it was not asked")
        return Run(options=options, summary=summary, started=started, providers=names)

    @property
    def _of_payments(self) -> Sequence[Registration]:
        return applying.registrations(self.providers, self.currencies, self.books)

    async def _check_account(self, run: Run) -> None:
        """Raises WrongAccountError before anything is asked about or ended."""
        if stripe.NAME not in run.providers:
            return
        try:
            await require_our_account(self.database, self.providers.stripe.account, keep=not run.dry)
        except _UNREACHABLE as error:
            run.summary.fail(f"the account of Stripe's key could not be read: {error}")

    async def _read_events(self, run: Run) -> None:
        """Read all events, delivered or not: after a restored backup, delivered ones are missing too."""
        if stripe.NAME not in run.providers:
            return
        async with self.database.connection() as conn:
            until = await store.cursor(conn, self.providers.stripe)
        since = run.started - run.options.lookback
        if until is not None:
            since = min(since, until) if run.options.lookback_given else until
        newest = since
        page: list[InboundEvent] = []
        try:
            async for event in self._events_since(since):
                newest = max(newest, datetime.fromtimestamp(int(event["created"]), UTC))
                page.append(stripe_webhook.event_of(simplejson.dumps(event, use_decimal=True).encode()))
                if len(page) >= _STORED_AT_ONCE:
                    await self._take_in(page, run.summary)
                    page = []
            await self._take_in(page, run.summary)
        except _UNREACHABLE as error:
            run.summary.fail(f"Stripe's events could not be read: {error}")
            return
        if not run.dry:
            async with self.database.connection() as conn:
                # Stripe's own clock: by ours, which may be ahead, the next run could begin after events of this one.
                # Reading may take long: what happened meanwhile is in the last list, and may be missing in the first.
                await store.move_cursor(conn, self.providers.stripe, min(newest, run.started))

    async def _events_since(self, since: datetime) -> AsyncIterator[ports.Document]:
        """The events of payments, then those of systems."""
        async with self.database.connection() as conn:
            others = [each for each in self.others if each.listed_if is None or await each.listed_if(conn)]
        for registrations in (self._of_payments, others):
            types = Handlers(registrations).types(stripe.NAME)
            if types:
                async for event in self.providers.stripe.events.since(since, types):
                    yield event

    async def _read_coins(self, run: Run) -> None:
        """Read NOWPayments' payments: it does not list IPNs, so each new state of a payment becomes an event."""
        if nowpayments.NAME not in run.providers or not self.providers.nowpayments.may_list:
            return
        page: list[InboundEvent] = []
        try:
            async for payment in self.providers.nowpayments.payments_since(run.started - _COINS_MOVE_FOR):
                page.append(
                    nowpayments_webhook.event_of(simplejson.dumps(payment, use_decimal=True, sort_keys=True).encode())
                )
                if len(page) >= _STORED_AT_ONCE:
                    await self._take_in(page, run.summary)
                    page = []
            await self._take_in(page, run.summary)
        except _UNREACHABLE as error:
            run.summary.fail(f"NOWPayments' payments could not be read: {error}")

    async def _take_in(self, events: list[InboundEvent], summary: Summary) -> None:
        if not events:
            return
        summary.events_read += len(events)
        async with self.database.connection() as conn:
            if summary.dry_run:
                there = await inbox.stored_ids(conn, events[0].source, [event.event_id for event in events])
                summary.events_missed += len(events) - len(there)
            else:
                summary.events_missed += await inbox.store(conn, events)

    async def _process_events(self, run: Run) -> None:
        if not run.dry:
            handlers = Handlers([*self._of_payments, *self.others]).only(run.providers)
            run.summary.events_processed = await Worker(self.database, handlers).drain()

    async def _check_checkouts(self, run: Run) -> None:
        checker = Checker(self.database, self.providers, self.currencies, self.books, actor=ACTOR, dry_run=run.dry)
        for name in run.providers:
            provider = self.providers.of(name)
            sweep = Sweep(self.database, checker, provider, run.summary, every=run.options.every_checkout)
            await sweep.run(run.started)

    async def _close_stranded(self, run: Run) -> None:
        if not run.dry:
            async with self.database.connection() as conn:
                run.summary.changed += await store.close_stranded(conn, ACTOR)

    async def _find_values(self, run: Run) -> None:
        if stripe.NAME in run.providers:
            await ValueSweep(
                self.database,
                self.providers.stripe,
                StripeReader(self.currencies.by_code),
                self.books,
                run.summary,
                actor=ACTOR,
                every=run.options.every_checkout,
            ).run()

    async def _end(self, run: Run) -> None:
        if run.dry:
            return
        async with self.database.transaction() as conn:
            await store.record_run(conn, run.started, run.summary)
            await audit.append(conn, actor=ACTOR, action="reconciliation", request_id=None, **asdict(run.summary))
        if self.retention_days is not None:
            await self._forget(self.retention_days)

    async def _forget(self, days: int) -> None:
        """Delete old data in parts, each committed; the next run continues."""
        gone, until = 0, time.monotonic() + _FORGETS_FOR
        try:
            while time.monotonic() < until:
                async with self.database.connection() as conn:
                    share = await store.forget(conn, days)
                if not share:
                    break
                gone += share
        except DatabaseUnavailableError as error:
            log.warning("expired data could not be deleted: %s", error)
        if gone:
            log.info("deleted %d expired rows or monthly partitions", gone)
