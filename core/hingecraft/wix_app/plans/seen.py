"""Asks Wix for the plan that a site pays for: the only way in which a renewal is told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

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
class Seen:
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
    """Asks Wix."""

    def __init__(self, client: WixClient) -> None:
        self._client = client

    async def ask(self, instance_id: UUID) -> Seen:
        """Ask, holding no connection. The time is that before the call: what happens during it is newer.

        Raises NotInstalledError, ProviderRejectedError or ProviderUnknownError.
        """
        at = datetime.now(UTC)
        answer = await self._client.app_instance(instance_id, Deadline.within(_ANSWERS_WITHIN))
        return Seen(fact=fact_in(answer, at), at=at, owner_email=answer.owner_email, origin=answer.origin_instance_id)

    async def seen(self, instance_id: UUID) -> Seen:
        """The same for an event; raises UnansweredError while there is no answer, or ForeignError without the app."""
        try:
            return await self.ask(instance_id)
        except NotInstalledError as error:
            raise ForeignError("the app is not installed on this site") from error
        except (ProviderRejectedError, ProviderUnknownError) as error:
            raise UnansweredError(str(error)) from error

    async def presence(self, instance_id: UUID) -> Presence:
        """Whether the site has the app; raises UnansweredError while there is no answer."""
        at = datetime.now(UTC)
        try:
            await self.seen(instance_id)
        except ForeignError:
            return Presence(at=at, has_app=False)
        return Presence(at=at, has_app=True)


def fact_in(answer: AppInstance, at: datetime) -> Fact:
    """The fact in an answer to a question of that time."""
    name = f"seen:{at.isoformat()}"
    billing = answer.billing
    if billing is None:
        return Fact(fact_id=name, kind=Kind.SEEN, happened_at=at - _CLOCK_DIFFERENCE)
    return Fact(
        fact_id=name,
        kind=Kind.SEEN,
        happened_at=at,
        product=billing.product,
        cycle=billing.cycle,
        starts_at=billing.started_at,
        ends_at=billing.trial_ends_at if billing.in_trial else billing.ends_at,
        invoice_id=billing.invoice_id,
        renews=billing.renews,
    )
