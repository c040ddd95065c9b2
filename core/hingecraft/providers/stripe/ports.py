"""The interfaces to Stripe's objects, one for each kind of object. Pure.

A system names only the ports that it uses. One that needs another of Stripe's objects adds its port here, and what
implements it beside `objects`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import Opened
from hingecraft.providers.stripe.links import LinkPlan, PaymentLink
from hingecraft.providers.stripe.sales import PricePlan

Document = Mapping[str, Any]


class Key(Protocol):
    """The account's key, as far as it concerns whether it is the right one."""

    @property
    def livemode(self) -> bool:
        """Whether real money moves."""
        ...

    async def id(self) -> str | None:
        """The account that the key belongs to; None where a restricted key may not read that."""
        ...

    async def knows_session(self, session_id: str) -> bool:
        """Whether the key's account has made that session."""
        ...

    def suspend(self, reason: str | None) -> None:
        """Refuse every call for that reason; None: call again."""
        ...


class Sessions(Protocol):
    """Checkout Sessions. Those that are read come with their link and with what their money is worth."""

    async def create(self, request: Document, key: str, deadline: Deadline) -> Opened:
        """Make a session, or get the one that the same key has made before."""
        ...

    async def retrieve(self, session_id: str) -> Document:
        """One session; raises ProviderMissingError where Stripe does not know it."""
        ...

    async def expire(self, session_id: str, deadline: Deadline) -> bool:
        """End it, so that it cannot be paid any more; False if it is complete. Repeating it changes nothing."""
        ...

    async def of_intent(self, intent_id: str) -> Document | None:
        """The session that a PaymentIntent came through."""
        ...

    async def made_for(self, payment_id: str, since: datetime, until: datetime) -> Document | None:
        """The session of a payment, made between the two times: sessions can only be listed by their time."""
        ...

    async def lines(self, session_id: str) -> list[Document]:
        """All line items of a session."""
        ...


class Invoices(Protocol):
    """Invoices of subscriptions and of customers."""

    async def retrieve(self, invoice_id: str) -> Document:
        """One invoice with its payments, each with its PaymentIntent, and all of its lines."""
        ...

    async def of_intent(self, intent_id: str) -> str | None:
        """The id of the invoice that a PaymentIntent has paid."""
        ...

    async def balance_of(self, intent_id: str) -> Document | None:
        """The balance transaction of a PaymentIntent: what its charge is worth; None in its first seconds."""
        ...


class Intents(Protocol):
    """PaymentIntents, which payers pay on our own page."""

    async def create(self, request: Document, key: str, deadline: Deadline) -> Opened:
        """Make an intent, or get the one that the same key has made before, with its client secret."""
        ...

    async def retrieve(self, intent_id: str) -> Document:
        """One intent with what its charge is worth; raises ProviderMissingError where Stripe does not know it."""
        ...

    async def cancel(self, intent_id: str, deadline: Deadline) -> bool:
        """End it, so that it cannot be paid any more; False if it is paid, or being paid."""
        ...

    async def made_for(self, payment_id: str, since: datetime, until: datetime) -> Document | None:
        """The intent of a payment, made between the two times: intents can only be listed by their time."""
        ...

    async def of_customer(self, customer_id: str, since: datetime) -> list[Document]:
        """The customer's intents made since then, each with its latest charge."""
        ...


class Refunds(Protocol):
    """Refunds of PaymentIntents."""

    async def create(self, request: Document, key: str, deadline: Deadline) -> Document:
        """Make a refund, or get the one that the same key has made before."""
        ...

    async def made_with(self, metadata: Mapping[str, str], intent_id: str) -> Document | None:
        """The refund of an intent with this metadata."""
        ...

    async def of_intent(self, intent_id: str) -> list[Document]:
        """All refunds of an intent."""
        ...


class Disputes(Protocol):
    """Disputes of the account's payments."""

    async def retrieve(self, dispute_id: str) -> Document:
        """One dispute with its balance transactions."""
        ...


class Events(Protocol):
    """Stripe's events, delivered or not."""

    def since(self, moment: datetime, types: Collection[str]) -> AsyncIterator[Document]:
        """Every event of these types, delivered or not."""
        ...


class Links(Protocol):
    """Payment Links, which many people pay through."""

    def every(self) -> AsyncIterator[PaymentLink]:
        """All links of the account, active or not, including those made elsewhere."""
        ...

    async def make(self, plan: LinkPlan) -> PaymentLink:
        """Product, price and link; a second call with the same plan finds what the first has made."""
        ...

    async def update(self, link_id: str, plan: LinkPlan) -> PaymentLink:
        """Switch it on, and bring it up to the plan."""
        ...

    async def switch_off(self, link_id: str) -> None:
        """Visitors of the link are told that it is off; its address stays the same."""
        ...

    async def claim(self, link: PaymentLink, installation: str) -> None:
        """Write into a link of an older version which database it belongs to."""
        ...

    def address(self, link: PaymentLink) -> str:
        """Where its payers are sent; refused when that is not an address of Stripe."""
        ...


class Customers(Protocol):
    """Customers, which payments and subscriptions of one person belong to."""

    async def create(self, request: Document, key: str, deadline: Deadline) -> str:
        """Make a customer, or get the one that the same key has made before: its id."""
        ...

    async def made_with(self, metadata: Mapping[str, str], since: datetime) -> str | None:
        """The customer with this metadata, made since then: customers can be listed only by their time."""
        ...

    async def is_deleted(self, customer_id: str, deadline: Deadline) -> bool:
        """Whether Stripe has deleted it. Raises ProviderMissingError if this account and mode never had it."""
        ...

    async def subscriptions_of(self, customer_id: str) -> list[Document]:
        """The customer's subscriptions that are not over, as they are now."""
        ...

    async def delete(self, customer_id: str, deadline: Deadline) -> None:
        """Delete it with its subscriptions; a customer that is gone already is not an error."""
        ...


class Products(Protocol):
    """Products that subscriptions are for, whose ids are chosen here."""

    async def keep(self, product_id: str, name: str, deadline: Deadline) -> None:
        """Give the product this name; create it where it does not exist."""
        ...

    async def names(self, product_ids: Sequence[str]) -> dict[str, str]:
        """The names of those that exist, by their ids."""
        ...


class Prices(Protocol):
    """Prices of the account's products."""

    async def retrieve(self, price_id: str) -> Document:
        """One price with its product; raises ProviderMissingError where Stripe does not know it."""
        ...

    async def find(self, lookup_key: str) -> Document | None:
        """The price with this lookup key, with its product."""
        ...

    async def make(self, plan: PricePlan, *, instead_of: Document | None) -> Document:
        """A new price, which takes the lookup key from the other one; a repeat finds what the first call has made."""
        ...


class Subscriptions(Protocol):
    """Subscriptions of customers."""

    async def create(self, request: Document, key: str, deadline: Deadline) -> Opened:
        """Make a subscription, or get the one that the same key has made before, with its client secret."""
        ...

    async def secret_of(self, subscription_id: str) -> str | None:
        """The client secret of its latest invoice; None: there is nothing to pay on our page."""
        ...

    async def end(self, subscription_id: str, deadline: Deadline) -> bool:
        """End one that was never paid, so that it cannot be paid any more; False if it is paid."""
        ...

    async def cancel_at_period_end(self, subscription_id: str, deadline: Deadline) -> Document:
        """Cancel it at the end of the paid period."""
        ...

    async def made_for(self, payment_id: str, since: datetime, until: datetime) -> Document | None:
        """The subscription of a payment, made between the two times."""
        ...

    async def retrieve(self, subscription_id: str) -> Document:
        """One subscription with its latest invoice, also one that is over."""
        ...

    def paid_invoices(self, subscription_id: str, since: datetime) -> AsyncIterator[Document]:
        """Its paid invoices made since then, the newest first."""
        ...


class Portal(Protocol):
    """The billing portal, where customers change and cancel what they subscribe to."""

    def configurations(self) -> AsyncIterator[Document]:
        """The active configurations."""
        ...

    async def configure(
        self,
        features: Document,
        metadata: Mapping[str, str],
        deadline: Deadline,
        *,
        instead_of: str | None,
        removed: str | None,
    ) -> str:
        """Make a configuration, or bring one up to these features: its id.

        Under the same key, Stripe would answer for a day with one that was removed since.
        """
        ...

    async def open(self, customer_id: str, configuration: str, return_url: str, deadline: Deadline) -> str:
        """The address of a session for one customer."""
        ...


class Checkouts(Protocol):
    """The objects that are asked about when money moves."""

    @property
    def sessions(self) -> Sessions:
        """Checkout Sessions."""
        ...

    @property
    def intents(self) -> Intents:
        """PaymentIntents."""
        ...

    @property
    def subscriptions(self) -> Subscriptions:
        """Subscriptions."""
        ...

    @property
    def invoices(self) -> Invoices:
        """Invoices."""
        ...

    @property
    def refunds(self) -> Refunds:
        """Refunds."""
        ...

    @property
    def disputes(self) -> Disputes:
        """Disputes."""
        ...
