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
from hingecraft.wix_app.client.client import WixClient

# A person waits for it.
_WITHIN = 10.0


class WixBilling:
    """Sells plans through Wix; no money passes through us."""

    def __init__(self, database: Database, client: WixClient, success_url: str) -> None:
        self._database = database
        self._client = client
        self._success_url = success_url

    async def plans(self) -> list[Plan]:
        """All plans, the free one first."""
        async with self._database.connection() as conn:
            return await store.plans(conn)

    async def checkout_url(self, instance_id: UUID, name: str, cycle: str | None) -> str:
        """The address of Wix's checkout. Without a cycle the name's ending decides, else it is monthly.

        Raises InvalidError for a plan that cannot be bought, ConflictError for a change that Wix does not allow, and
        ProviderFailedError.
        """
        async with self._database.connection() as conn:
            plans = {plan.name: plan for plan in await store.plans(conn)}
            meant, paid = await store.meant(conn, name), await store.paid(conn, instance_id)
        if meant is None or not plans[meant["plan"]].is_paid:
            sold = ", ".join(plan.name for plan in plans.values() if plan.is_paid)
            raise InvalidError("unknown_plan", f"There is no such plan to buy. Choose one of {sold}.")
        wanted = Choice(plan=plans[meant["plan"]], cycle=cycle or meant["cycle"] or MONTHLY)
        require_possible(
            Choice(plan=plans[paid["plan"]], cycle=paid["cycle"] or MONTHLY) if paid is not None else None, wanted
        )
        try:
            return await self._client.checkout_url(
                instance_id, wanted.plan.product, wanted.cycle, self._success_url, Deadline.within(_WITHIN)
            )
        except ProviderRejectedError as error:
            _failed(error, busy=error.passing)
        except ProviderUnknownError as error:
            _failed(error, busy=True)


def _failed(error: Exception, *, busy: bool) -> NoReturn:
    sentence = (
        "Wix's checkout does not answer right now. Try again in a minute."
        if busy
        else "Wix did not open its checkout for this plan. Buy it in the Wix App Market instead, or tell us."
    )
    raise ProviderFailedError("provider_unavailable" if busy else "provider_refused", sentence) from error
