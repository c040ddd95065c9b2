"""Stripe's Payment Links: one for each currency, for many payers, each of whom says how much."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, cast

from hingecraft.money.minor_units import to_stripe
from hingecraft.money.model import Currency
from hingecraft.providers.addresses import checked
from hingecraft.providers.patience import Deadline
from hingecraft.providers.stripe import DOMAIN, StripeProvider

_CALL = 30.0
_PAGE = 100
# What the payer is offered first: ten times the least.
_PRESET = 10
MARK = "hingecraft_link"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPlan:
    """What a link should be; its key says all of it, so that other bounds are another link."""

    currency: str
    minimum: int
    maximum: int
    preset: int
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentLink:
    """A link of ours as it is at Stripe."""

    id: str
    key: str
    url: str
    active: bool


def plan_for(currency: Currency, *, livemode: bool) -> LinkPlan:
    """The link that a currency should have."""
    minimum, maximum = to_stripe(currency.min_amount, currency), to_stripe(currency.max_amount, currency)
    mode = "live" if livemode else "test"
    return LinkPlan(
        currency=currency.code,
        minimum=minimum,
        maximum=maximum,
        preset=min(minimum * _PRESET, maximum),
        key=f"hc_link_{mode}_{currency.code.lower()}_{minimum}_{maximum}",
    )


def price_request(plan: LinkPlan) -> dict[str, Any]:
    """A price that the payer chooses, with its product."""
    return {
        "currency": plan.currency.lower(),
        "custom_unit_amount": {
            "enabled": True,
            "minimum": plan.minimum,
            "maximum": plan.maximum,
            "preset": plan.preset,
        },
        "lookup_key": plan.key,
        "product_data": {"name": f"Donation to HingeCraft in {plan.currency}"},
    }


def link_request(plan: LinkPlan, price_id: str) -> dict[str, Any]:
    """The link to that price; its mark finds it again."""
    return {
        "line_items": [{"price": price_id, "quantity": 1}],
        "submit_type": "donate",
        "metadata": {MARK: plan.key, "source": "standing_link"},
        "payment_intent_data": {"metadata": {MARK: plan.key}},
    }


class StripeLinks:
    """Finds, makes and switches the links of one account."""

    def __init__(self, provider: StripeProvider, api_base: str) -> None:
        self._provider = provider
        self._api_base = api_base

    async def ours(self) -> AsyncIterator[PaymentLink]:
        """Every link that carries our mark, switched off or not."""
        after: str | None = None
        while True:
            params: dict[str, Any] = {"limit": _PAGE, **({"starting_after": after} if after else {})}
            page = await self._call("list_async", params)
            for link in page.data:
                if MARK in link.metadata:
                    yield self._of(link, link.metadata[MARK])
            if not page.has_more or not page.data:
                return
            after = page.data[-1].id

    async def make(self, plan: LinkPlan) -> PaymentLink:
        """Product, price and link; a second call with the same plan finds what the first has made."""
        price_id = await self._price(plan)
        return self._of(await self._call("create_async", link_request(plan, price_id), key=plan.key), plan.key)

    async def _price(self, plan: LinkPlan) -> str:
        prices = self._provider.client.v1.prices

        async def find() -> Any:
            params = cast("Any", {"lookup_keys": [plan.key], "limit": 1})
            return await prices.list_async(params, options=self._provider.options())

        found = await self._provider.call(find, Deadline.within(_CALL))
        if found.data:
            return str(found.data[0].id)

        async def create() -> Any:
            options = self._provider.options(f"{plan.key}_price")
            return await prices.create_async(cast("Any", price_request(plan)), options=options)

        return str((await self._provider.call(create, Deadline.within(_CALL))).id)

    async def switch(self, link_id: str, *, active: bool) -> None:
        """A link that is off tells its visitors so; its address stays the same."""
        links = self._provider.client.v1.payment_links

        async def update() -> Any:
            return await links.update_async(link_id, {"active": active}, options=self._provider.options())

        await self._provider.call(update, Deadline.within(_CALL))

    async def _call(self, name: str, params: dict[str, Any], *, key: str | None = None) -> Any:
        method = getattr(self._provider.client.v1.payment_links, name)

        async def attempt() -> Any:
            return await method(params, options=self._provider.options(key))

        return await self._provider.call(attempt, Deadline.within(_CALL))

    def _of(self, link: Any, key: str) -> PaymentLink:
        url = checked(link.url, api_base=self._api_base, domain=DOMAIN, provider_id=link.id)
        return PaymentLink(id=link.id, key=key, url=url, active=bool(link.active))
