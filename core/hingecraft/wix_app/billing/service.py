"""Makes the address of Wix's checkout for a plan."""

from __future__ import annotations

from typing import NoReturn
from uuid import UUID

from hingecraft.db.connection import Database
from hingecraft.errors import InvalidError
from hingecraft.payments.model import ProviderFailedError
from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import ProviderRejectedError, ProviderUnknownError
from hingecraft.wix_app.billing import store
from hingecraft.wix_app.billing.model import MONTHLY, Choice, Plan, require_possible
from hingecraft.wix_app.client.bi_events import BiEvents
from hingecraft.wix_app.client.client import BiEvent, WixClient
from hingecraft.wix_app.errors import WixAppDisabledError

# Where Wix's checkout leads when the plan is paid.
RETURN_PATH = "/wix-pricing?upgrade=success"


class WixBilling:
    """Sells plans through Wix; no money passes through us."""

    def __init__(self, database: Database, client: WixClient | None, bi_events: BiEvents, public_url: str) -> None:
        self._database = database
        self._client = client
        self._bi_events = bi_events
        self._success_url = f"{public_url}{RETURN_PATH}"

    async def plans(self) -> list[Plan]:
        """All plans, the free one first."""
        async with self._database.connection() as conn:
            return await store.plans(conn)

    async def checkout_url(self, instance_id: UUID, name: str, cycle: str | None, deadline: Deadline) -> str:
        """The address of Wix's checkout. Without a cycle the name's ending decides, else it is monthly.

        Raises InvalidError for a plan that cannot be bought, ConflictError for a change that Wix does not allow, and
        ProviderFailedError.
        """
        if self._client is None:
            raise WixAppDisabledError("WIX_APP_ID and WIX_APP_SECRET")
        async with self._database.connection() as conn:
            plans = {plan.name: plan for plan in await store.plans(conn)}
            meant, paid = await store.meant(conn, name), await store.paid(conn, instance_id)
        if meant is None or not plans[meant["plan"]].is_paid:
            sold = ", ".join(plan.name for plan in plans.values() if plan.is_paid)
            raise InvalidError("unknown_plan", f"No such plan is sold. Choose one of {sold}.")
        wanted = Choice(plan=plans[meant["plan"]], cycle=cycle or meant["cycle"] or MONTHLY)
        if paid is not None:
            now = Choice(plan=plans[paid["plan"]], cycle=paid["cycle"] or MONTHLY)
            require_possible(now, wanted, is_cancelled=paid["cancel_at_period_end"])
        async with self._database.connection() as conn:
            product = await store.product(conn, wanted.plan.name, wanted.cycle)
        try:
            url = await self._client.checkout_url(instance_id, product, wanted.cycle, self._success_url, deadline)
        except ProviderRejectedError as error:
            _failed(error, busy=error.passing)
        except ProviderUnknownError as error:
            _failed(error, busy=True)
        self._bi_events.tell(instance_id, BiEvent.UPGRADED)
        return url


def _failed(error: Exception, *, busy: bool) -> NoReturn:
    sentence = (
        "Wix's checkout does not answer right now. Try again in a minute."
        if busy
        else "Wix did not open its checkout for this plan. Buy it in the Wix App Market instead, or tell us."
    )
    raise ProviderFailedError("provider_unavailable" if busy else "provider_refused", sentence) from error
