"""The step of the Wix app in a reconciliation: it finds what events that were lost would have said.

Wix's list of installations, where it is read, says at once which sites have the app. Whatever it says differently from
what we know, Wix is asked about the site itself before it is believed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
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
from hingecraft.wix_app.installations.model import too_many
from hingecraft.wix_app.installations.service import InstallationList
from hingecraft.wix_app.plans import service as plans
from hingecraft.wix_app.plans import store
from hingecraft.wix_app.plans.model import state_of
from hingecraft.wix_app.plans.plans_at_wix import Answer, PlansAtWix
from hingecraft.wix_app.sites import service as sites

_ACTOR = "reconcile"
_AT_ONCE = 8
_PAGE = 40
# After so many failures Wix is considered down, and the other sites are left for the next run.
_FAILURES_IN_A_ROW = 5


def wix_app_steps(database: Database, client: WixClient | None, owners: Sequence[str] = ()) -> Steps:
    """The step runs after events were processed, since they may report the same."""
    if client is None:
        return Steps()
    installations = InstallationList(database, client.installations, owners)
    return Steps(after_checks=(_Sites(database, PlansAtWix(database, client), installations).check,))


@dataclass(slots=True)
class _Asked:
    """The answers of one run."""

    # Sites that have the app, by Wix's answer or by its list.
    present: set[UUID] = field(default_factory=set)
    # Sites that Wix says do not have the app, with when it was asked.
    absent: dict[UUID, datetime] = field(default_factory=dict)
    unanswered: int = 0
    failures_in_a_row: int = 0
    is_over: bool = False


class _Sites:
    def __init__(self, database: Database, plans_at_wix: PlansAtWix, installations: InstallationList) -> None:
        self._database = database
        self._plans = plans_at_wix
        self._installations = installations

    async def check(self, run: Run) -> None:
        """Read Wix's list if it is due, and ask about each site that it contradicts, and each that is due."""
        if run.options.providers:
            return
        compared, after = await self._installations.compare(run), UUID(int=0)
        asked = _Asked(present={*compared.differences.by_both})
        await _several(asked, compared.differences.by_list_only, lambda site: self._missed(run, asked, site))
        while not asked.is_over:
            async with self._database.transaction() as conn:
                page = await check_store.claim(
                    conn,
                    after,
                    _PAGE,
                    doubted=compared.differences.by_rows_only,
                    every=run.options.every_checkout,
                    dry=run.options.dry_run,
                )
            if not page:
                break
            after = page[-1]
            await _several(asked, page, lambda site: self._one(run, asked, site))
        await self._remove(run, asked)
        await self._installations.finish(compared, whole=not asked.unanswered)

    async def _one(self, run: Run, asked: _Asked, instance_id: UUID) -> None:
        at = await self._plans.now()
        run.summary.wix_sites_checked += 1
        try:
            answer = await self._ask(run, asked, instance_id, at)
        except NotInstalledError:
            asked.absent[instance_id] = at
            asked.present.discard(instance_id)
            return
        if answer is not None:
            asked.present.add(instance_id)
            await self._keep(run, instance_id, answer)

    async def _missed(self, run: Run, asked: _Asked, instance_id: UUID) -> None:
        """A site has the app by Wix's list, and we do not know it, or know that it was removed."""
        run.summary.wix_sites_checked += 1
        try:
            answer = await self._ask(run, asked, instance_id, await self._plans.now())
        except NotInstalledError:
            run.summary.explain(
                f"Wix lists the app on the site {instance_id}, and says that it is not there: no change"
            )
            return
        if answer is None:
            return
        run.summary.wix_sites_found += 1
        if not run.dry:
            async with self._database.transaction() as conn:
                await sites.installed(
                    conn, instance_id, answer.at, answer.origin, actor=_ACTOR, request_id=str(instance_id)
                )
            await self._keep(run, instance_id, answer)

    async def _ask(self, run: Run, asked: _Asked, instance_id: UUID, at: datetime) -> Answer | None:
        """Wix's answer; None where there is none, which the run reports. Raises NotInstalledError."""
        try:
            answer = await self._plans.ask(instance_id, at)
        except NotInstalledError:
            raise
        except (ProviderRejectedError, ProviderUnknownError) as error:
            asked.unanswered += 1
            asked.failures_in_a_row += 1
            asked.is_over = isinstance(error, ProviderKeyError) or asked.failures_in_a_row >= _FAILURES_IN_A_ROW
            run.summary.fail(f"Wix could not be asked about a site: {error}")
            if not run.dry and not isinstance(error, ProviderKeyError):
                async with self._database.connection() as conn:
                    await check_store.put_off(conn, instance_id)
            return None
        asked.failures_in_a_row = 0
        return answer

    async def _keep(self, run: Run, instance_id: UUID, answer: Answer) -> None:
        if run.dry:
            return
        try:
            async with self._database.transaction() as conn:
                is_news = await _take_up(conn, instance_id, answer)
                await check_store.release(conn, instance_id)
        except NotYetError as error:
            run.summary.explain(f"the plan of the site {instance_id} is kept: {error}")
            async with self._database.connection() as conn:
                await check_store.put_off(conn, instance_id)
            return
        run.summary.wix_plans_changed += is_news

    async def _remove(self, run: Run, asked: _Asked) -> None:
        """Believe that the app is gone, unless Wix says so of too many sites at once (decision 78)."""
        absent, present = len(asked.absent), len(asked.present)
        if too_many(absent, present):
            run.summary.fail(
                f"Wix says that {absent} sites of {absent + present} do not have the app: "
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


async def _several(asked: _Asked, instance_ids: Collection[UUID], work: Callable[[UUID], Awaitable[None]]) -> None:
    """Do it for each site, several at a time, until Wix is considered down."""
    turns = asyncio.Semaphore(_AT_ONCE)

    async def in_turn(instance_id: UUID) -> None:
        async with turns:
            if not asked.is_over:
                await work(instance_id)

    await asyncio.gather(*(in_turn(each) for each in instance_ids))


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
