"""Stripe's Payment Links: one for each currency, for many payers, each of whom says how much."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, cast

from hingecraft.money.minor_units import stripe_bounds
from hingecraft.money.model import Currency
from hingecraft.providers.addresses import checked
from hingecraft.providers.patience import Deadline
from hingecraft.providers.stripe.client import DOMAIN, StripeProvider
from hingecraft.providers.stripe.metadata import INSTALLATION, MARK

_CALL = 30.0
_PAGE = 100
# What the payer is offered first: ten times the least.
_PRESET = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTerms:
    """What all links of one database have in common."""

    installation: str
    livemode: bool
    return_url: str
    # What payers read, before the currency.
    description: str
    submit_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPlan:
    """What a link should be. Its key names what can only be had by another link: database, mode, currency, bounds."""

    currency: str
    minimum: int
    maximum: int
    preset: int
    terms: LinkTerms

    @property
    def key(self) -> str:
        """Our name for the link, in its metadata and on its price."""
        return f"hc_link_{self.terms.installation}_{self._what}"

    @property
    def former_key(self) -> str:
        """The name that versions before 016 gave it, which two databases on one account shared."""
        return f"hc_link_{self._what}"

    @property
    def metadata(self) -> dict[str, str]:
        """Stripe copies it to each payer's session and intent."""
        return {MARK: self.key, INSTALLATION: self.terms.installation}

    @property
    def _what(self) -> str:
        mode = "live" if self.terms.livemode else "test"
        return f"{mode}_{self.currency.lower()}_{self.minimum}_{self.maximum}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentLink:
    """A link of the account, as it is at Stripe; those that we made have a key."""

    id: str
    url: str
    active: bool
    key: str | None
    installation: str | None
    return_url: str | None

    def fits(self, plan: LinkPlan) -> bool:
        """Whether nothing of it has to be changed."""
        marked = (self.key, self.installation) == (plan.key, plan.terms.installation)
        return self.active and marked and self.return_url == plan.terms.return_url


def plan_for(currency: Currency, terms: LinkTerms) -> LinkPlan:
    """The link that a currency should have; refused when Stripe takes no amount within its bounds."""
    minimum, maximum = stripe_bounds(currency)
    return LinkPlan(
        currency=currency.code,
        minimum=minimum,
        maximum=maximum,
        preset=min(minimum * _PRESET, maximum),
        terms=terms,
    )


def price_request(plan: LinkPlan) -> dict[str, Any]:
    """A price that the payer chooses, with its product. An archived price gives its lookup key up."""
    return {
        "currency": plan.currency.lower(),
        "custom_unit_amount": {
            "enabled": True,
            "minimum": plan.minimum,
            "maximum": plan.maximum,
            "preset": plan.preset,
        },
        "lookup_key": plan.key,
        "transfer_lookup_key": True,
        "product_data": {"name": f"{plan.terms.description} in {plan.currency}"},
    }


def link_request(plan: LinkPlan, price_id: str) -> dict[str, Any]:
    """The link to that price; its mark finds it again, and the payer comes back to the site."""
    return {
        "line_items": [{"price": price_id, "quantity": 1}],
        "submit_type": plan.terms.submit_type,
        **_changeable(plan),
    }


def update_request(plan: LinkPlan) -> dict[str, Any]:
    """What brings an older link, or one that is off, up to the plan; its address stays the same."""
    return {"active": True, **_changeable(plan)}


def _changeable(plan: LinkPlan) -> dict[str, Any]:
    return {
        "after_completion": {"type": "redirect", "redirect": {"url": plan.terms.return_url}},
        "metadata": plan.metadata,
        "payment_intent_data": {"metadata": plan.metadata},
    }


class StripeLinks:
    """Finds, makes and changes the links of one account."""

    def __init__(self, provider: StripeProvider, api_base: str) -> None:
        self._provider = provider
        self._api_base = api_base

    async def every(self) -> AsyncIterator[PaymentLink]:
        """All links of the account, active or not, including those made elsewhere."""
        after: str | None = None
        while True:
            params: dict[str, Any] = {"limit": _PAGE, **({"starting_after": after} if after else {})}
            page = await self._ask("list_async", params)
            for link in page.data:
                yield _link(link)
            if not page.has_more or not page.data:
                return
            after = page.data[-1].id

    async def make(self, plan: LinkPlan) -> PaymentLink:
        """Product, price and link; a second call with the same plan finds what the first has made."""
        request = link_request(plan, await self._price(plan))
        return _link(await self._ask("create_async", request, key=_idempotency_key(plan.key, request)))

    async def update(self, link_id: str, plan: LinkPlan) -> PaymentLink:
        """Switch it on, and bring it up to the plan."""
        return _link(await self._change(link_id, update_request(plan)))

    async def switch_off(self, link_id: str) -> None:
        """A link that is off tells its visitors so; its address stays the same."""
        await self._change(link_id, {"active": False})

    async def claim(self, link: PaymentLink, installation: str) -> None:
        """Write into a link of an older version which database it belongs to."""
        metadata = {MARK: link.key, INSTALLATION: installation}
        await self._change(link.id, {"metadata": metadata, "payment_intent_data": {"metadata": metadata}})

    def address(self, link: PaymentLink) -> str:
        """Where its payers are sent; refused when that is not Stripe's."""
        return checked(link.url, api_base=self._api_base, domain=DOMAIN, provider_id=link.id)

    async def _price(self, plan: LinkPlan) -> str:
        """A price that can be sold, or a new one under the same lookup key: an archived one is found as well."""
        prices = self._provider.client.v1.prices

        async def find() -> Any:
            params = cast("Any", {"lookup_keys": [plan.key], "limit": 1, "expand": ["data.product"]})
            return await prices.list_async(params, options=self._provider.options())

        found = (await self._provider.call(find, Deadline.within(_CALL))).data
        if found and found[0].active and found[0].product.active:
            return str(found[0].id)
        archived = f"_after_{found[0].id}" if found else ""

        async def create() -> Any:
            request = price_request(plan)
            options = self._provider.options(_idempotency_key(f"{plan.key}_price{archived}", request))
            return await prices.create_async(cast("Any", request), options=options)

        return str((await self._provider.call(create, Deadline.within(_CALL))).id)

    async def _change(self, link_id: str, params: dict[str, Any]) -> Any:
        links = self._provider.client.v1.payment_links

        async def attempt() -> Any:
            return await links.update_async(link_id, cast("Any", params), options=self._provider.options())

        return await self._provider.call(attempt, Deadline.within(_CALL))

    async def _ask(self, name: str, params: dict[str, Any], *, key: str | None = None) -> Any:
        method = getattr(self._provider.client.v1.payment_links, name)

        async def attempt() -> Any:
            return await method(params, options=self._provider.options(key))

        return await self._provider.call(attempt, Deadline.within(_CALL))


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
