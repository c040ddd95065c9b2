"""The wanted Payment Link of each currency: many payers use it, and each chooses an amount. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hingecraft.money.minor_units import stripe_bounds
from hingecraft.money.model import Currency
from hingecraft.providers.stripe.metadata import INSTALLATION, MARK

# The preset amount: ten times the minimum.
_PRESET = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTerms:
    """The terms of all links of one database."""

    installation: str
    livemode: bool
    return_url: str
    # The name that payers read, before the currency.
    description: str
    submit_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPlan:
    """A planned link. Its key has the properties of a link that cannot change: database, mode, currency, bounds."""

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
        """Whether the link is as the plan wants it."""
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
    """The request that updates a link to the plan and switches it on; its address stays the same."""
    return {"active": True, **_changeable(plan)}


def _changeable(plan: LinkPlan) -> dict[str, Any]:
    return {
        "after_completion": {"type": "redirect", "redirect": {"url": plan.terms.return_url}},
        "metadata": plan.metadata,
        "payment_intent_data": {"metadata": plan.metadata},
    }
