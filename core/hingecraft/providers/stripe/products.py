"""Stripe's products: the port of `ports` over its API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, cast

from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import ProviderMissingError, ProviderRejectedError
from hingecraft.providers.stripe.account import StripeAccount

_EXISTS = "resource_already_exists"
# The longest page; a list by ids has no second one.
_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class StripeProducts:
    """Implements `ports.Products`."""

    account: StripeAccount

    async def keep(self, product_id: str, name: str, deadline: Deadline) -> None:
        """Give the product this name; create it where it does not exist."""
        try:
            await self._rename(product_id, name, deadline)
        except ProviderMissingError:
            await self._create(product_id, name, deadline)

    async def names(self, product_ids: Sequence[str]) -> dict[str, str]:
        """The names of those that exist, by their ids."""
        found: dict[str, str] = {}
        for start in range(0, len(product_ids), _AT_ONCE):
            wanted = {"ids": list(product_ids[start : start + _AT_ONCE])}
            found |= {str(each["id"]): str(each["name"]) async for each in self.account.pages(self._list, wanted)}
        return found

    async def _rename(self, product_id: str, name: str, deadline: Deadline) -> None:
        params, options = cast("Any", {"name": name}), self.account.options()
        await self.account.call(lambda: self._products.update_async(product_id, params, options=options), deadline)

    async def _create(self, product_id: str, name: str, deadline: Deadline) -> None:
        params, create = cast("Any", {"id": product_id, "name": name}), self._products.create_async
        # A header, so the name itself cannot be in it. Permits a repeat with the same name.
        key = f"{product_id}_{sha256(name.encode()).hexdigest()}"
        try:
            await self.account.make(lambda options: create(params, options=options), key, deadline)
        except ProviderRejectedError as error:
            if _EXISTS not in error.reason:
                raise
            await self._rename(product_id, name, deadline)

    @property
    def _list(self) -> Callable[..., Awaitable[Any]]:
        listed: Callable[..., Awaitable[Any]] = self._products.list_async
        return listed

    @property
    def _products(self) -> Any:
        return self.account.client.v1.products
