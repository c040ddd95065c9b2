"""One reconciliation: events that never came, the inbox, checkouts that are due, standing links, what is too old."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

import simplejson

from hingecraft import audit
from hingecraft.db.connection import Database
from hingecraft.donations.links import by_hand
from hingecraft.donations.links import service as links
from hingecraft.donations.links.service import Wanted
from hingecraft.errors import DatabaseUnavailableError
from hingecraft.inbox import store as inbox
from hingecraft.inbox.handlers import Handlers
from hingecraft.inbox.model import InboundEvent
from hingecraft.inbox.worker import Worker
from hingecraft.installation.accounts import require_our_account
from hingecraft.money.book import CurrencyBook
from hingecraft.payments import applying
from hingecraft.payments.books import Books
from hingecraft.providers import nowpayments, stripe
from hingecraft.providers.nowpayments import webhook as nowpayments_webhook
from hingecraft.providers.port import ProviderRefusedError, ProviderUnknownError
from hingecraft.providers.registry import Providers
from hingecraft.providers.stripe import webhook as stripe_webhook
from hingecraft.providers.stripe.asking import StripeAsking
from hingecraft.providers.stripe.links import StripeLinks
from hingecraft.providers.stripe.reading import StripeReader
from hingecraft.reconcile import store
from hingecraft.reconcile.checker import Checker
from hingecraft.reconcile.model import Options, Summary
from hingecraft.reconcile.sweep import Sweep
from hingecraft.reconcile.values import ValueSweep

log = logging.getLogger(__name__)

ACTOR = "reconcile"
_STORED_AT_ONCE = 100
# A coin payment without a deposit expires after seven days; until then it may become anything.
_COINS_MOVE_FOR = timedelta(days=8)
# Seconds; the next run begins 15 minutes after this one.
_FORGETS_FOR = 300.0
_UNREACHABLE = (ProviderRefusedError, ProviderUnknownError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciler:
    """What a run needs."""

    database: Database
    providers: Providers
    currencies: CurrencyBook
    books: Books
    stripe_api_base: str
    links_wanted: Wanted
    retention_days: int

    async def run(self, options: Options) -> Summary:
        """Safe to run twice, beside itself, and again after a kill."""
        summary = Summary(dry_run=options.dry_run)
        await self.currencies.look()
        async with self.database.connection() as conn:
            started = await store.moment(conn)
        wanted = options.providers or (stripe.NAME, nowpayments.NAME)
        names = [name for name in wanted if self.providers.of(name).configured]
        for name in sorted(set(wanted) - set(names)):
            summary.explain(f"{name} is not configured, so it was not asked")
        if stripe.NAME in names:
            await self._check_account(summary)
            await self._read_events(options, summary, started)
        if nowpayments.NAME in names and self.providers.nowpayments.may_list:
            await self._read_coins(summary, started)
        # Before the events are processed: after a restored backup, what came through a link needs the link's row.
        if stripe.NAME in names:
            await self._keep_links(options, summary)
        if not options.dry_run:
            summary.events_reopened = await by_hand.take_over(self.database)
            summary.events_processed = await Worker(self.database, self._handlers.only(names)).drain()
        checker = Checker(
            self.database, self.providers, self.currencies, self.books, actor=ACTOR, dry_run=options.dry_run
        )
        for name in names:
            provider = self.providers.of(name)
            await Sweep(self.database, checker, provider, summary, every=options.every_checkout).run(started)
        if not options.dry_run:
            async with self.database.connection() as conn:
                summary.changed += await store.close_stranded(conn, ACTOR)
        if stripe.NAME in names:
            asking = StripeAsking(self.providers.stripe, StripeReader(self.currencies.by_code))
            await ValueSweep(
                self.database, asking, self.books, summary, actor=ACTOR, every=options.every_checkout
            ).run()
        await self._explain_gaps(summary)
        if not options.dry_run:
            await self._end(started, summary)
        return summary

    @property
    def _handlers(self) -> Handlers:
        return Handlers(applying.registrations(self.providers, self.currencies, self.books))

    async def _check_account(self, summary: Summary) -> None:
        """Raises WrongAccountError before anything is asked about, let alone ended."""
        try:
            await require_our_account(self.database, self.providers.stripe, keep=not summary.dry_run)
        except _UNREACHABLE as error:
            summary.fail(f"the account of Stripe's key could not be read: {error}")

    async def _read_events(self, options: Options, summary: Summary, started: datetime) -> None:
        """All of them, delivered or not: after a restored backup, those that were delivered are missing too."""
        asking = StripeAsking(self.providers.stripe, StripeReader(self.currencies.by_code))
        async with self.database.connection() as conn:
            until = await store.read_until(conn, self.providers.stripe)
        since = started - options.lookback
        if until is not None:
            since = min(since, until) if options.lookback_given else until
        newest = since
        page: list[InboundEvent] = []
        try:
            async for event in asking.events(since, self._handlers.types(stripe.NAME)):
                newest = max(newest, datetime.fromtimestamp(int(event["created"]), UTC))
                page.append(stripe_webhook.event_of(simplejson.dumps(event, use_decimal=True).encode()))
                if len(page) >= _STORED_AT_ONCE:
                    await self._take_in(page, summary)
                    page = []
            await self._take_in(page, summary)
        except _UNREACHABLE as error:
            summary.fail(f"Stripe's events could not be read: {error}")
            return
        if not options.dry_run:
            async with self.database.connection() as conn:
                # Stripe's own clock: by ours, which may be ahead, the next run could begin after events of this one.
                await store.have_read(conn, self.providers.stripe, newest)

    async def _read_coins(self, summary: Summary, started: datetime) -> None:
        """NOWPayments lists no messages, but every payment as it stands: each state that is new here is one."""
        page: list[InboundEvent] = []
        try:
            async for payment in self.providers.nowpayments.payments_since(started - _COINS_MOVE_FOR):
                page.append(
                    nowpayments_webhook.event_of(simplejson.dumps(payment, use_decimal=True, sort_keys=True).encode())
                )
                if len(page) >= _STORED_AT_ONCE:
                    await self._take_in(page, summary)
                    page = []
            await self._take_in(page, summary)
        except _UNREACHABLE as error:
            summary.fail(f"NOWPayments' payments could not be read: {error}")

    async def _take_in(self, events: list[InboundEvent], summary: Summary) -> None:
        if not events:
            return
        summary.events_read += len(events)
        async with self.database.connection() as conn:
            if summary.dry_run:
                there = await inbox.having(conn, events[0].source, [event.event_id for event in events])
                summary.events_missed += len(events) - len(there)
            else:
                summary.events_missed += await inbox.store(conn, events)

    async def _keep_links(self, options: Options, summary: Summary) -> None:
        there = StripeLinks(self.providers.stripe, self.stripe_api_base)
        try:
            kept = await links.ensure(self.database, there, self.links_wanted, dry_run=options.dry_run)
        except _UNREACHABLE as error:
            summary.fail(f"the standing links could not be updated: {error}")
            return
        summary.links_changed = kept.changes
        for problem in kept.problems:
            summary.fail(f"no standing link for {problem}")

    async def _explain_gaps(self, summary: Summary) -> None:
        for link in await by_hand.listed(self.database):
            if link.gap is not None:
                log.warning("the standing link %s is not published: %s", link.provider_url, link.gap)
                summary.explain(f"{link.currency}: {link.provider_url} is not published: {link.gap}")

    async def _end(self, started: datetime, summary: Summary) -> None:
        async with self.database.transaction() as conn:
            await store.keep_run(conn, started, summary)
            await audit.append(conn, actor=ACTOR, action="reconciliation", request_id=None, **asdict(summary))
        await self._forget()

    async def _forget(self) -> None:
        """A share at a time, each committed: what is not reached in this run is left for the next one."""
        gone, until = 0, time.monotonic() + _FORGETS_FOR
        try:
            while time.monotonic() < until:
                async with self.database.connection() as conn:
                    share = await store.forget(conn, self.retention_days)
                if not share:
                    break
                gone += share
        except DatabaseUnavailableError as error:
            log.warning("expired data could not be deleted: %s", error)
        if gone:
            log.info("deleted %d expired rows or monthly partitions", gone)
