"""The steps of standing links in a reconciliation: maintain them, and report the unpublished ones."""

from __future__ import annotations

import logging

from hingecraft.db.connection import Database
from hingecraft.donations.links import by_hand, service, store
from hingecraft.donations.links.service import LinkOptions
from hingecraft.providers import nowpayments, stripe
from hingecraft.providers.port import ProviderRejectedError, ProviderUnknownError
from hingecraft.providers.stripe.ports import Links
from hingecraft.steps import Run, Steps

log = logging.getLogger(__name__)


def links_steps(
    database: Database, links: Links, options: LinkOptions, *, nowpayments_live: bool | None = None
) -> Steps:
    """Links come before the inbox: after a restored backup, an event needs the row of its link."""

    async def note_mode(run: Run) -> None:
        if nowpayments.NAME in run.providers and not run.dry:
            async with database.connection() as conn:
                await store.note_nowpayments_mode(conn, live=nowpayments_live)

    async def keep(run: Run) -> None:
        if stripe.NAME not in run.providers:
            return
        try:
            result = await service.ensure(database, links, options, dry_run=run.dry)
        except (ProviderRejectedError, ProviderUnknownError) as error:
            run.summary.fail(f"the standing links could not be updated: {error}")
            return
        run.summary.links_changed = result.changes
        for problem in result.problems:
            run.summary.fail(f"no standing link for {problem}")

    async def reopen_events(run: Run) -> None:
        if not run.dry:
            run.summary.events_reopened += await by_hand.take_over(database)

    async def explain_gaps(run: Run) -> None:
        await _explain_gaps(database, run)

    return Steps(before_events=(note_mode, keep, reopen_events), after_checks=(explain_gaps,))


async def _explain_gaps(database: Database, run: Run) -> None:
    for link in await by_hand.listed(database):
        if link.gap is not None:
            log.warning("the standing link %s is not published: %s", link.provider_url, link.gap)
            run.summary.explain(f"{link.currency}: {link.provider_url} is not published: {link.gap}")
