"""The systems that this release consists of; a new one is added here and nowhere else in core."""

from __future__ import annotations

from hingecraft.credits.prices.steps import prices_steps
from hingecraft.credits.purpose import CREDITS
from hingecraft.credits.steps import credits_steps
from hingecraft.db.connection import Database
from hingecraft.donations.links.settings import LinkSettings
from hingecraft.donations.links.steps import links_steps
from hingecraft.donations.purpose import DONATIONS
from hingecraft.members.steps import members_steps
from hingecraft.payments.purpose import Purposes
from hingecraft.providers.registry import Providers
from hingecraft.steps import Steps

PURPOSES = Purposes([CREDITS], unasked=DONATIONS, owners=[CREDITS.owner_of])


class SystemSettings(LinkSettings):
    """The settings of the steps of all systems."""


def reconcile_steps(database: Database, providers: Providers, settings: SystemSettings) -> Steps:
    """The steps of all systems in a reconciliation."""
    links = links_steps(
        database, providers.stripe.links, settings.links_wanted, nowpayments_live=providers.nowpayments.takes_real_money
    )
    every = (
        links,
        members_steps(database, providers.stripe),
        prices_steps(database, providers.stripe),
        credits_steps(database),
    )
    return Steps(
        before_events=[step for each in every for step in each.before_events],
        after_checks=[step for each in every for step in each.after_checks],
    )
