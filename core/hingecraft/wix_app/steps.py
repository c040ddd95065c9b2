"""The step of the Wix app in a reconciliation: it finds removals, renewals and purchases whose events were lost."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from hingecraft.db.connection import Connection, Database
from hingecraft.errors import NotYetError
from hingecraft.providers.port import ProviderKeyError, ProviderRejectedError, ProviderUnknownError
from hingecraft.steps import Run, Steps
from hingecraft.wix_app import check_store
from hingecraft.wix_app.client.calls import NotInstalledError
from hingecraft.wix_app.client.client import WixClient
from hingecraft.wix_app.plans import service as plans
from hingecraft.wix_app.plans import store
from hingecraft.wix_app.plans.model import state_of
from hingecraft.wix_app.plans.plans_at_wix import Answer, PlansAtWix
from hingecraft.wix_app.sites import service as sites

log = logging.getLogger(__name__)

_ACTOR = "reconcile"
_AT_ONCE = 8
_PAGE = 40
# After so many failures Wix is considered down, and the other sites are left for the next run.
_FAILURES_IN_A_ROW = 5
# Up to so many removals are believed in one run, however few sites still have the app.
_FEW = 3


def wix_app_steps(database: Database, client: WixClient | None) -> Steps:
    """The step runs after events were processed, since they may report the same."""
    if client is None:
        return Steps()
    work = _Sites(database, PlansAtWix(database, client))
    return Steps(after_checks=(work.check,))


@dataclass(slots=True)
class _Asked:
    """The answers of one run."""

    present: int = 0
    # Sites that Wix says do not have the app, with when it was asked.
    absent: dict[UUID, datetime] = field(default_factory=dict)
    failures: int = 0
    is_over: bool = False


class _Sites:
    def __init__(self, database: Database, plans_at_wix: PlansAtWix) -> None:
        self._database = database
        self._plans = plans_at_wix

    async def check(self, run: Run) -> None:
        """Ask about each site that is due, several at a time."""
        if run.options.providers:
            return
        asked, after = _Asked(), UUID(int=0)
        while not asked.is_over:
            async with self._database.transaction() as conn:
                page = await check_store.claim(
                    conn, after, _PAGE, every=run.options.every_checkout, dry=run.options.dry_run
                )
            if not page:
                break
            after = page[-1]
            turns = asyncio.Semaphore(_AT_ONCE)
            await asyncio.gather(*(self._in_turn(turns, run, asked, instance_id) for instance_id in page))
        await self._remove(run, asked)

    async def _in_turn(self, turns: asyncio.Semaphore, run: Run, asked: _Asked, instance_id: UUID) -> None:
        async with turns:
            if not asked.is_over:
                await self._one(run, asked, instance_id)

    async def _one(self, run: Run, asked: _Asked, instance_id: UUID) -> None:
        at = await self._plans.now()
        try:
            answer = await self._plans.ask(instance_id, at)
        except NotInstalledError:
            asked.absent[instance_id] = at
        except (ProviderRejectedError, ProviderUnknownError) as error:
            asked.failures += 1
            asked.is_over = isinstance(error, ProviderKeyError) or asked.failures >= _FAILURES_IN_A_ROW
            run.summary.fail(f"Wix could not be asked about a site: {error}")
            if not run.dry and not isinstance(error, ProviderKeyError):
                async with self._database.connection() as conn:
                    await check_store.put_off(conn, instance_id)
        else:
            asked.present, asked.failures = asked.present + 1, 0
            await self._keep(run, instance_id, answer)
        run.summary.wix_sites_checked += 1

    async def _keep(self, run: Run, instance_id: UUID, answer: Answer) -> None:
        if run.dry:
            return
        try:
            async with self._database.transaction() as conn:
                is_news = await _take_up(conn, instance_id, answer)
                await check_store.release(conn, instance_id)
        except NotYetError as error:
            run.summary.explain(f"the plan of the site {instance_id} is kept: {error}")
            return
        run.summary.wix_plans_changed += is_news

    async def _remove(self, run: Run, asked: _Asked) -> None:
        """Believe that the app is gone, unless Wix says so of too many sites at once (decision 78)."""
        if len(asked.absent) > max(_FEW, asked.present):
            run.summary.fail(
                f"Wix says that {len(asked.absent)} sites of {len(asked.absent) + asked.present} do not have the app: "
                "too many to believe. Check WIX_APP_ID and the app's state in Wix's dashboard for developers"
            )
            return
        for instance_id, at in asked.absent.items():
            run.summary.wix_sites_removed += 1
            if run.dry:
                continue
            async with self._database.transaction() as conn:
                await sites.removed(conn, instance_id, at, actor=_ACTOR, request_id=str(instance_id))
                await check_store.release(conn, instance_id)


async def _take_up(conn: Connection, instance_id: UUID, answer: Answer) -> bool:
    """Whether the answer changes the plan. One that does not is not kept, since there is one a day (decision 79).

    Raises UnknownProductError.
    """
    await store.lock(conn, instance_id)
    facts = await store.facts(conn, instance_id)
    is_news = state_of([*facts, answer.fact]) != state_of(facts)
    if is_news:
        await plans.take(conn, instance_id, [answer.fact], actor=_ACTOR, request_id=str(instance_id))
    await plans.checked(conn, instance_id, answer.at, answer.owner_email)
    return is_news
