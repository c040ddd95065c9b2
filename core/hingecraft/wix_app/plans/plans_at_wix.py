"""Asks Wix for the plan that a site pays for: the only way in which a renewal is told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from hingecraft.db import clock
from hingecraft.db.connection import Database
from hingecraft.errors import ForeignError, UnansweredError
from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import ProviderRejectedError, ProviderUnknownError
from hingecraft.wix_app.client.calls import NotInstalledError
from hingecraft.wix_app.client.client import WixClient
from hingecraft.wix_app.client.model import AppInstance
from hingecraft.wix_app.plans.model import Fact, Kind

# Seconds, with repeats.
_ANSWERS_WITHIN = 20.0
# Clocks differ: an answer that a site is free must not undo a purchase of the same moment.
_CLOCK_DIFFERENCE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Wix's answer about one site."""

    fact: Fact
    at: datetime
    # None: the app may not read it.
    owner_email: str | None
    # The site that this one was duplicated from.
    origin: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """Whether a site had the app at a time."""

    at: datetime
    has_app: bool


class PlansAtWix:
    """Asks Wix. An answer has the database's time, which orders it among the events that any pod gets."""

    def __init__(self, database: Database, client: WixClient) -> None:
        self._database = database
        self._client = client

    async def now(self) -> datetime:
        """The time of an answer is that before the question: what happens meanwhile is newer."""
        async with self._database.connection() as conn:
            return await clock.moment(conn)

    async def ask(self, instance_id: UUID, at: datetime) -> Answer:
        """Ask, holding no connection. Raises NotInstalledError, ProviderRejectedError or ProviderUnknownError."""
        answer = await self._client.app_instance(instance_id, Deadline.within(_ANSWERS_WITHIN))
        return Answer(fact=fact_in(answer, at), at=at, owner_email=answer.owner_email, origin=answer.origin_instance_id)

    async def ask_for_event(self, instance_id: UUID) -> Answer:
        """Ask for an event. Raises UnansweredError while there is no answer, and ForeignError without the app."""
        return await self._for_event(instance_id, await self.now())

    async def _for_event(self, instance_id: UUID, at: datetime) -> Answer:
        try:
            return await self.ask(instance_id, at)
        except NotInstalledError as error:
            raise ForeignError("the app is not installed on this site") from error
        except (ProviderRejectedError, ProviderUnknownError) as error:
            raise UnansweredError(str(error)) from error

    async def presence(self, instance_id: UUID) -> Presence:
        """Whether the site has the app; raises UnansweredError while there is no answer."""
        at = await self.now()
        try:
            await self._for_event(instance_id, at)
        except ForeignError:
            return Presence(at=at, has_app=False)
        return Presence(at=at, has_app=True)


def fact_in(answer: AppInstance, at: datetime) -> Fact:
    """The fact in an answer to a question of that time."""
    name = f"seen:{at.isoformat()}"
    billing = answer.billing
    if billing is None:
        return Fact(fact_id=name, kind=Kind.ANSWER, happened_at=at - _CLOCK_DIFFERENCE)
    return Fact(
        fact_id=name,
        kind=Kind.ANSWER,
        happened_at=at,
        product=billing.product,
        cycle=billing.cycle,
        starts_at=billing.started_at,
        ends_at=billing.trial_ends_at if billing.in_trial else billing.ends_at,
        invoice_id=billing.invoice_id,
        renews=billing.renews,
    )
