"""Stripe's Payment Links, found, made and changed over its API."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

from hingecraft.providers.addresses import checked
from hingecraft.providers.patience import Deadline
from hingecraft.providers.stripe import DOMAIN
from hingecraft.providers.stripe.account import StripeAccount
from hingecraft.providers.stripe.links import LinkPlan, PaymentLink, link_request, price_request, update_request
from hingecraft.providers.stripe.metadata import INSTALLATION, MARK

_CALL = 30.0
_PAGE = 100


class StripeLinks:
    """Implements `ports.Links`."""

    def __init__(self, account: StripeAccount) -> None:
        self._account = account

    async def every(self) -> AsyncIterator[PaymentLink]:
        """All links of the account, active or not, including those made elsewhere."""
        after: str | None = None
        while True:
            params: dict[str, Any] = {"limit": _PAGE, **({"starting_after": after} if after else {})}
            page = await self._page(params)
            for link in page.data:
                yield _link(link)
            if not page.has_more or not page.data:
                return
            after = page.data[-1].id

    async def make(self, plan: LinkPlan) -> PaymentLink:
        """Product, price and link; a second call with the same plan finds what the first has made."""
        request, links = link_request(plan, await self._price(plan)), self._account.client.v1.payment_links
        # Should Stripe finish a link whose error it keeps, only the one that is returned here is published.
        return _link(await self._make(links.create_async, request, _idempotency_key(plan.key, request)))

    async def update(self, link_id: str, plan: LinkPlan) -> PaymentLink:
        """Switch it on, and bring it up to the plan."""
        return _link(await self._change(link_id, update_request(plan)))

    async def switch_off(self, link_id: str) -> None:
        """Visitors of the link are told that it is off; its address stays the same."""
        await self._change(link_id, {"active": False})

    async def claim(self, link: PaymentLink, installation: str) -> None:
        """Write into a link of an older version which database it belongs to."""
        metadata = {MARK: link.key, INSTALLATION: installation}
        await self._change(link.id, {"metadata": metadata, "payment_intent_data": {"metadata": metadata}})

    def address(self, link: PaymentLink) -> str:
        """Where its payers are sent; refused when that is not an address of Stripe."""
        return checked(link.url, api_base=self._account.api_base, domain=DOMAIN, provider_id=link.id)

    async def _price(self, plan: LinkPlan) -> str:
        """A price that can be sold, or a new one under the same lookup key: an archived one is found as well."""
        prices = self._account.client.v1.prices

        async def find() -> Any:
            params = cast("Any", {"lookup_keys": [plan.key], "limit": 1, "expand": ["data.product"]})
            return await prices.list_async(params, options=self._account.options())

        found = (await self._account.call(find, Deadline.within(_CALL))).data
        if found and found[0].active and found[0].product.active:
            return str(found[0].id)
        archived, request = f"_after_{found[0].id}" if found else "", price_request(plan)
        key = _idempotency_key(f"{plan.key}_price{archived}", request)
        return str((await self._make(prices.create_async, request, key)).id)

    async def _change(self, link_id: str, params: dict[str, Any]) -> Any:
        links = self._account.client.v1.payment_links

        async def attempt() -> Any:
            return await links.update_async(link_id, cast("Any", params), options=self._account.options())

        return await self._account.call(attempt, Deadline.within(_CALL))

    async def _page(self, params: dict[str, Any]) -> Any:
        links = self._account.client.v1.payment_links

        async def attempt() -> Any:
            return await links.list_async(cast("Any", params), options=self._account.options())

        return await self._account.call(attempt, Deadline.within(_CALL))

    async def _make(self, create: Callable[..., Awaitable[Any]], request: dict[str, Any], key: str) -> Any:
        return await self._account.make(lambda options: create(request, options=options), key, Deadline.within(_CALL))


def _idempotency_key(name: str, request: dict[str, Any]) -> str:
    """Permits a repeat of the same request only: with other parameters the old key would be an error for a day."""
    return f"{name}_{hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:16]}"


def _link(link: Any) -> PaymentLink:
    metadata = link.metadata.to_dict()
    redirect = link.after_completion.to_dict().get("redirect") or {}
    return PaymentLink(
        id=str(link.id),
        url=str(link.url),
        active=bool(link.active),
        key=metadata.get(MARK),
        installation=metadata.get(INSTALLATION),
        return_url=redirect.get("url"),
    )
