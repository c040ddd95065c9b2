"""Asks Wix about one site: the plan that it pays for now, or that the app is gone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from hingecraft.db.connection import Connection
from hingecraft.errors import ForeignError, UnansweredError
from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import ProviderRejectedError, ProviderUnknownError
from hingecraft.wix_app.client.calls import NotInstalledError
from hingecraft.wix_app.client.client import WixClient
from hingecraft.wix_app.client.model import AppInstance
from hingecraft.wix_app.plans import service as plans
from hingecraft.wix_app.plans import store
from hingecraft.wix_app.plans.model import Fact, Kind, state_of

_WITHIN = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Wix's answer, and when it was asked."""

    at: datetime
    found: AppInstance

    @property
    def fact(self) -> Fact:
        """The answer as a fact about the plan; the same answer at another time is another fact."""
        billing = self.found.billing
        told = hashlib.sha256(f"{self.at.isoformat()}|{billing}".encode()).hexdigest()[:32]
        if billing is None:
            return Fact(fact_id=f"seen:{told}", kind=Kind.SEEN, happened_at=self.at)
        return Fact(
            fact_id=f"seen:{told}",
            kind=Kind.SEEN,
            happened_at=self.at,
            product=billing.product,
            cycle=billing.cycle,
            starts_at=billing.started_at,
            ends_at=billing.trial_ends_at if billing.in_trial else billing.ends_at,
            invoice_id=billing.invoice_id,
            renews=billing.renews,
        )


class SiteChecks:
    """Asks Wix, and takes up what it answers."""

    def __init__(self, client: WixClient) -> None:
        self._client = client

    async def ask(self, instance_id: UUID) -> Seen:
        """Ask, holding no connection. The time is that before the call: what happened during it is newer.

        Raises NotInstalledError, ProviderRejectedError or ProviderUnknownError.
        """
        at = datetime.now(UTC)
        return Seen(at=at, found=await self._client.app_instance(instance_id, Deadline.within(_WITHIN)))

    async def plan_seen(self, instance_id: UUID) -> Fact:
        """The plan that the site pays for now, for an event that does not say it.

        Raises ForeignError for a site without the app, and UnansweredError where Wix does not say.
        """
        try:
            return (await self.ask(instance_id)).fact
        except NotInstalledError as error:
            raise ForeignError(f"the app is not installed on the site: {error}") from error
        except (ProviderRejectedError, ProviderUnknownError) as error:
            raise UnansweredError(f"Wix could not be asked about the site: {error}") from error


async def keep(conn: Connection, instance_id: UUID, seen: Seen, *, actor: str, request_id: str) -> bool:
    """Take up an answer; whether it changes the plan. One that changes nothing is not kept, since there is one a day.

    Raises UnknownProductError.
    """
    await store.lock(conn, instance_id)
    facts = await store.facts(conn, instance_id)
    is_news = state_of([*facts, seen.fact]) != state_of(facts)
    if is_news:
        await plans.take(conn, instance_id, [seen.fact], actor=actor, request_id=request_id)
    await plans.checked(conn, instance_id, seen.at, seen.found.owner_email)
    return is_news
