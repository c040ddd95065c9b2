"""The sandbox as Stripe's own library sees it: plans, subscriptions, and a clock that is moved."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import stripe

from support.sandbox import STRIPE_KEY, Sandbox


def stripe_client(sandbox: Sandbox, http: stripe.AIOHTTPClient) -> Any:
    return stripe.StripeClient(
        STRIPE_KEY, http_client=http, max_network_retries=0, base_addresses={"api": sandbox.address}
    ).v1


class Subscriber:
    """A customer at Stripe with a subscription that was bought on the sandbox's page."""

    def __init__(self, client: Any, sandbox: Sandbox) -> None:
        self.client = client
        self.sandbox = sandbox
        self.id = ""

    async def buy(self, *amounts: int, interval: str = "month", page: str = "pay", **data: Any) -> Any:
        """Subscribe to a price of each amount; answers the session."""
        session = await self.open(*amounts, interval=interval, **data)
        await self.sandbox.act(session.id, page)
        session = await self.client.checkout.sessions.retrieve_async(session.id)
        self.id = session.subscription
        return session

    async def open(self, *amounts: int, interval: str = "month", **data: Any) -> Any:
        """A session for a price of each amount, which is not paid yet."""
        prices = [await plan(self.client, amount, interval) for amount in amounts]
        return await self.client.checkout.sessions.create_async(
            {
                "mode": "subscription", "allow_promotion_codes": True,
                "line_items": [{"price": price.id, "quantity": 1} for price in prices],
                "customer_email": "a@example.com", "success_url": "https://www.example.com/",
                "subscription_data": {
                    "metadata": {"member": "m_1"},
                    "billing_mode": {"type": "flexible", "flexible": {"proration_discounts": "itemized"}}, **data,
                },
            }
        )  # fmt: skip

    async def now(self) -> Any:
        return await self.client.subscriptions.retrieve_async(self.id)

    async def press(self, act: str) -> None:
        await self.sandbox.ask("POST", f"/pay/stripe/subscription/{self.id}/{act}", allow_redirects=False)

    async def invoices(self) -> list[Any]:
        return list((await self.client.invoices.list_async({"subscription": self.id, "limit": 100})).data)

    async def period(self) -> tuple[datetime, datetime]:
        item = (await self.now())["items"].data[0]
        return moment(item.current_period_start), moment(item.current_period_end)

    async def told(self) -> list[str]:
        """The types of the events since the last call, the oldest first."""
        events = (await self.client.events.list_async({"limit": 100})).data
        await self.sandbox.ask("DELETE", "/_sandbox/book/events")
        return [event.type for event in reversed(events)]


async def plan(client: Any, amount: int, interval: str = "month") -> Any:
    return await client.prices.create_async(
        {
            "currency": "usd", "unit_amount": amount, "recurring": {"interval": interval},
            "product_data": {"name": "Plan"},
        }
    )  # fmt: skip


async def move(sandbox: Sandbox, **how: Any) -> datetime:
    """Move the clock of subscriptions."""
    return datetime.fromisoformat((await sandbox.ask("PUT", "/_sandbox/clock", json=how))["now"])


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
