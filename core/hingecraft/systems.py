"""The systems that this release consists of; a new one is added here and nowhere else in core."""

from __future__ import annotations

from collections.abc import Sequence

from hingecraft.credits.prices.steps import prices_steps
from hingecraft.credits.purpose import CREDITS
from hingecraft.credits.running_plan import Plans
from hingecraft.credits.steps import credits_steps
from hingecraft.db.connection import Database
from hingecraft.donations.links.settings import LinkSettings
from hingecraft.donations.links.steps import links_steps
from hingecraft.donations.purpose import DONATIONS
from hingecraft.inbox.handlers import Registration
from hingecraft.members.customers.applying import registration as of_customers
from hingecraft.members.steps import members_steps
from hingecraft.members.subscriptions.applying import registration as of_subscriptions
from hingecraft.members.subscriptions.service import Copies, Family
from hingecraft.members.subscriptions.steps import subscriptions_steps
from hingecraft.owners import owner_of
from hingecraft.payments.purpose import Purposes
from hingecraft.payments.refunds.steps import refunds_steps
from hingecraft.providers.registry import Providers
from hingecraft.purchases.purpose import PURCHASES, ProductSubscriptions
from hingecraft.purchases.steps import purchases_steps
from hingecraft.steps import Steps, together
from hingecraft.wix_app.client.client import WixClient
from hingecraft.wix_app.plans.plans_at_wix import PlansAtWix
from hingecraft.wix_app.settings import WixAppSettings
from hingecraft.wix_app.steps import wix_app_steps
from hingecraft.wix_app.webhooks.applying import registrations as of_wix_app

PURPOSES = Purposes([CREDITS, PURCHASES], unasked=DONATIONS, owner_of=owner_of)

# The systems that sell subscriptions.
FAMILIES: Sequence[Family] = (Plans(), ProductSubscriptions())


class SystemSettings(LinkSettings, WixAppSettings):
    """The settings of the steps of all systems."""


def reconcile_steps(
    database: Database, providers: Providers, settings: SystemSettings, wix_client: WixClient | None
) -> Steps:
    """The steps of all systems in a reconciliation."""
    links = links_steps(
        database, providers.stripe.links, settings.link_options, nowpayments_live=providers.nowpayments.takes_real_money
    )
    return together(
        (
            links,
            refunds_steps(database, providers.stripe),
            members_steps(database, providers.stripe),
            subscriptions_steps(database, providers.stripe, FAMILIES),
            purchases_steps(database, providers.stripe, FAMILIES),
            prices_steps(database, providers.stripe),
            credits_steps(database),
            wix_app_steps(database, wix_client, settings.wix_owner_instances),
        )
    )


def wix_app_events(database: Database, client: WixClient | None) -> list[Registration]:
    """The events of the Wix app; a process without its settings takes none, and leaves them to those that have them."""
    return of_wix_app(PlansAtWix(database, client)) if client is not None else []


def system_events(database: Database, providers: Providers) -> list[Registration]:
    """The events that systems take from the inbox beside payments, in every process that works on it."""
    stripe = providers.stripe
    copies = Copies(database, stripe.subscriptions, FAMILIES)
    return [of_subscriptions(copies, livemode=stripe.livemode), of_customers()] if stripe.configured else []
