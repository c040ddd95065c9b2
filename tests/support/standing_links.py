"""Standing links in tests: keeping them, making one at the sandbox by hand, and paying through one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from hingecraft.db.connection import Database
from hingecraft.donations.links import service as links
from hingecraft.donations.links.service import LinksResult
from hingecraft.providers.stripe.client import StripeProvider
from hingecraft.settings import Secret
from support.pods import settings_of
from support.reconciling import link_options
from support.sandbox import STRIPE_KEY, Sandbox

AUTH = {"Authorization": f"Bearer {STRIPE_KEY}"}


class Keeper:
    """Keeps the links of one database, as `hingecraft links ensure` does."""

    def __init__(self, dsn: Secret, database: Database, sandbox: Sandbox, **settings: Any) -> None:
        self._settings = settings_of(dsn, **{**sandbox.settings, **settings})
        self._database = database
        self.provider = StripeProvider(self._settings)
        self.links = self.provider.links

    async def ensure(self, **options: Any) -> LinksResult:
        return await links.ensure(self._database, self.links, link_options(self._settings), **options)


@asynccontextmanager
async def keeper(dsn: Secret, sandbox: Sandbox, **settings: Any) -> AsyncIterator[Keeper]:
    database = Database(dsn, application="test-links", largest=4)
    found = Keeper(dsn, database, sandbox, **settings)
    try:
        yield found
    finally:
        await found.provider.close()
        await database.close()


async def make_link(sandbox: Sandbox, currency: str = "usd", **more: str) -> dict[str, Any]:
    """A Payment Link as somebody makes it in the dashboard: without our mark."""
    price = await sandbox.ask(
        "POST", "/v1/prices", headers=AUTH,
        data={"currency": currency, "custom_unit_amount[enabled]": "true", "custom_unit_amount[minimum]": "100",
              "custom_unit_amount[maximum]": "100000", "product_data[name]": "Gala"},
    )  # fmt: skip
    found: dict[str, Any] = await sandbox.ask(
        "POST", "/v1/payment_links", headers=AUTH,
        data={"line_items[0][price]": price["id"], "line_items[0][quantity]": "1", **more},
    )  # fmt: skip
    return found


async def begin(sandbox: Sandbox, url: str, amount: str = "50") -> str:
    """Open a link and say how much; answers the payer's session."""
    page = await sandbox.ask("POST", f"{url.removeprefix(sandbox.address)}/begin", data={"amount": amount})
    session: str = page.split("/pay/stripe/c/")[1].split("/")[0]
    return session


async def pay_through(sandbox: Sandbox, url: str, amount: str = "50") -> str:
    """Give through a link; answers the payer's session."""
    session = await begin(sandbox, url, amount)
    await sandbox.act(session, "pay")
    return session


async def link_at(sandbox: Sandbox, link_id: str) -> dict[str, Any]:
    found: dict[str, Any] = await sandbox.stripe(f"payment_links/{link_id}")
    return found
