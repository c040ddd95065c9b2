"""Puts the sandbox together: both providers and Wix, their pages, the switches, and an overview page."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from hingecraft_sandbox.overview import overview_of
from hingecraft_sandbox.providers.book import Book
from hingecraft_sandbox.providers.control import Control
from hingecraft_sandbox.providers.nowpayments.acts import NowPaymentsActs
from hingecraft_sandbox.providers.nowpayments.api import NowPaymentsApi
from hingecraft_sandbox.providers.nowpayments.pages import NowPaymentsPages
from hingecraft_sandbox.providers.stripe.acts import Acts
from hingecraft_sandbox.providers.stripe.api import StripeApi
from hingecraft_sandbox.providers.stripe.billing import StripeBilling
from hingecraft_sandbox.providers.stripe.billing_pages import BillingPages
from hingecraft_sandbox.providers.stripe.card_payments import CardPayments
from hingecraft_sandbox.providers.stripe.clock_control import ClockControl
from hingecraft_sandbox.providers.stripe.dashboard_pages import DashboardPages
from hingecraft_sandbox.providers.stripe.demo import add_demo_codes, add_demo_prices
from hingecraft_sandbox.providers.stripe.intent_pages import IntentPages
from hingecraft_sandbox.providers.stripe.intents import Intents
from hingecraft_sandbox.providers.stripe.objects import Objects
from hingecraft_sandbox.providers.stripe.pages import StripePages
from hingecraft_sandbox.providers.stripe.portal_pages import PortalPages
from hingecraft_sandbox.providers.stripe.stripe_js import StripeJs
from hingecraft_sandbox.providers.switches import Switches
from hingecraft_sandbox.providers.webhooks import WebhookSender
from hingecraft_sandbox.wix.app import Wix
from hingecraft_sandbox.wix.config import WixConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxConfig:
    """The sandbox's URL, its signing secrets, and the URLs to which it sends events."""

    address: str
    stripe_webhook_url: str = ""
    stripe_webhook_secret: str = "whsec_sandbox"  # noqa: S105 - known to everyone, protects nothing
    nowpayments_ipn_secret: str = "sandbox-ipn-secret"  # noqa: S105 - known to everyone, protects nothing
    journal: Path | None = None
    # Whether Stripe has prices for all packs and plans from the start.
    demo_prices: bool = False
    wix: WixConfig = field(default_factory=WixConfig)


def sandbox_app(config: SandboxConfig) -> web.Application:
    """The application with all stand-ins."""
    switches = Switches()
    book = Book(config.journal)
    sender = WebhookSender(switches)
    stripe = Acts(
        Objects(book, config.address), sender, switches, config.stripe_webhook_url, config.stripe_webhook_secret
    )
    nowpayments = NowPaymentsActs(book, sender, config.address, config.nowpayments_ipn_secret)
    app = web.Application()
    billing, intents = StripeBilling(stripe, switches, config.address), Intents(stripe)
    cards = CardPayments(stripe, billing.intents)
    wix = Wix(config.wix, config.address, book, sender, switches)
    if config.demo_prices:
        add_demo_prices(book)
        add_demo_codes(book, billing.coupons)
    for part in (
        StripeApi(stripe, (*billing.endpoints(), *intents.endpoints()), switches),
        StripePages(stripe, billing.coupons),
        IntentPages(stripe, intents, cards),
        StripeJs(stripe, cards, switches),
        BillingPages(stripe, billing),
        PortalPages(stripe, billing.portal),
        DashboardPages(stripe, billing.dashboard),
        ClockControl(billing.clock, billing.renewals, wix.renewals.catch_up),
        NowPaymentsApi(nowpayments, switches),
        NowPaymentsPages(nowpayments),
        Control(switches, nowpayments),
        wix,
    ):
        part.add_to(app)
    app.router.add_get("/", overview_of(book))

    async def close(_app: web.Application) -> None:
        await sender.close()
        book.close()

    app.on_cleanup.append(close)
    return app
