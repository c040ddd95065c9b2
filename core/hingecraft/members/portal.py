"""Opens Stripe's billing portal with our configuration, which is made once and found again by its metadata."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Protocol
from uuid import UUID

from hingecraft.db.connection import Connection, Database
from hingecraft.errors import MissingError
from hingecraft.installation import service as installation
from hingecraft.members.customers import store as customers_store
from hingecraft.members.customers.service import Customers, DeletedUserError
from hingecraft.members.deletion import store as deletion_store
from hingecraft.payments.model import ProviderDisabledError
from hingecraft.payments.provider_calls import answering
from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import ProviderMissingError, ProviderRejectedError
from hingecraft.providers.stripe.client import StripeProvider
from hingecraft.providers.stripe.portal_requests import OWNER, VERSION, features_for, metadata_for

log = logging.getLogger(__name__)

_UNAVAILABLE = "The billing portal cannot be reached right now. Try again in a minute."
_CUSTOMER, _CONFIGURATION = "customer", "configuration"


class Offers(Protocol):
    """The system whose plans can be changed in the portal."""

    async def offered(self, conn: Connection) -> list[str]:
        """The prices of the plans that are sold now."""
        ...


class NoCustomerError(MissingError):
    """The user has never bought anything, so there is nothing to manage."""

    def __init__(self) -> None:
        super().__init__("no_customer", "You have bought nothing yet, so there is nothing to manage.")


class Portal:
    """The portal of one pod. `fixed` is a configuration of the operator's own."""

    def __init__(self, database: Database, stripe: StripeProvider, offers: Offers, *, fixed: str | None) -> None:
        self._database = database
        self._stripe = stripe
        self._customers = Customers(database, stripe.customers, livemode=stripe.livemode)
        self._offers = offers
        self._fixed = fixed
        # By the prices that are offered.
        self._configured: tuple[tuple[str, ...], str] | None = None

    async def open(self, user_id: UUID, return_url: str, deadline: Deadline) -> str:
        """The address of the user's portal; raises what the member is told otherwise."""
        if not self._stripe.configured:
            raise ProviderDisabledError("provider_disabled", "The billing portal is unavailable. Try again later.")
        async with self._database.connection() as conn:
            if await deletion_store.is_deleted(conn, user_id):
                raise DeletedUserError
            customer = await customers_store.current(conn, user_id, livemode=self._stripe.livemode)
        if customer is None or customer.customer_id is None:
            raise NoCustomerError
        with answering("the billing portal could not be opened", _UNAVAILABLE):
            return await self._open(customer.customer_id, return_url, deadline)

    async def _open(self, customer_id: str, return_url: str, deadline: Deadline) -> str:
        """Twice at most: a configuration that was removed at Stripe is made again."""
        try:
            return await self._session(customer_id, return_url, deadline)
        except ProviderRejectedError as error:
            if error.missing == _CUSTOMER and await self._customers.forget_deleted(customer_id, deadline):
                raise NoCustomerError from error
            if error.missing != _CONFIGURATION or self._fixed is not None:
                raise
        removed = self._configured[1] if self._configured is not None else None
        self._configured = None
        return await self._session(customer_id, return_url, deadline, removed=removed)

    async def _session(
        self, customer_id: str, return_url: str, deadline: Deadline, *, removed: str | None = None
    ) -> str:
        configuration = self._fixed or await self._configuration(deadline, removed)
        return await self._stripe.portal.open(customer_id, configuration, return_url, deadline)

    async def _configuration(self, deadline: Deadline, removed: str | None) -> str:
        async with self._database.connection() as conn:
            prices = tuple(await self._offers.offered(conn))
        if self._configured is None or self._configured[0] != prices:
            self._configured = (prices, await self._configure(prices, deadline, removed))
        return self._configured[1]

    async def _configure(self, prices: tuple[str, ...], deadline: Deadline, removed: str | None) -> str:
        features = features_for(await self._products(prices))
        metadata = metadata_for(str((await installation.read(self._database)).id), features)
        earlier: str | None = None
        async for each in self._stripe.portal.configurations():
            found = each.get("metadata") or {}
            if found.get(OWNER) == metadata[OWNER]:
                if found.get(VERSION) == metadata[VERSION]:
                    return str(each["id"])
                earlier = str(each["id"])
        return await self._stripe.portal.configure(features, metadata, deadline, instead_of=earlier, removed=removed)

    async def _products(self, prices: tuple[str, ...]) -> Mapping[str, list[str]]:
        """The prices by product. Stripe takes one price of a product for each interval, so others are left out."""
        products: dict[str, dict[tuple[Any, Any], str]] = {}
        for price_id in prices:
            try:
                price = await self._stripe.prices.retrieve(price_id)
            except ProviderMissingError:
                continue
            recurring = price.get("recurring")
            if not price.get("active") or not recurring:
                continue
            interval = (recurring["interval"], recurring.get("interval_count", 1))
            taken = products.setdefault(str(price["product"]["id"]), {}).setdefault(interval, price_id)
            if taken != price_id:
                log.warning(
                    "the portal does not offer %s: Stripe takes one price of a product for each interval, and %s is "
                    "one. Give each plan a product of its own", price_id, taken,
                )  # fmt: skip
        return {product: list(found.values()) for product, found in products.items()}
