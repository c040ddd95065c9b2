"""Puts the stand-in for Wix together."""

from __future__ import annotations

from aiohttp import web

from hingecraft_sandbox.providers.book import Book
from hingecraft_sandbox.providers.stripe.clock import Clock
from hingecraft_sandbox.providers.switches import Switches
from hingecraft_sandbox.providers.webhooks import WebhookSender
from hingecraft_sandbox.wix.api import WixApi
from hingecraft_sandbox.wix.backend import Backend
from hingecraft_sandbox.wix.checkouts import Checkouts
from hingecraft_sandbox.wix.config import WixConfig
from hingecraft_sandbox.wix.control import WixControl
from hingecraft_sandbox.wix.dashboard_pages import DashboardPages
from hingecraft_sandbox.wix.installations import Installations
from hingecraft_sandbox.wix.moments import Moments
from hingecraft_sandbox.wix.pages import WixPages
from hingecraft_sandbox.wix.renewals import WixRenewals
from hingecraft_sandbox.wix.sites import SITES, Sites
from hingecraft_sandbox.wix.tokens import Tokens
from hingecraft_sandbox.wix.webhooks import WixWebhooks


class Wix:
    """Wix, on the sandbox's port, with its book, its clock and its switches."""

    def __init__(self, config: WixConfig, address: str, book: Book, sender: WebhookSender, switches: Switches) -> None:
        webhooks = WixWebhooks(book, sender, switches, config)
        sites = Sites(book, Moments(Clock(book)), webhooks, config)
        tokens, checkouts = Tokens(config, switches), Checkouts(sites, address)
        self.renewals = WixRenewals(sites)
        if config.owner_site and book.get(SITES, config.owner_site) is None:
            sites.add("HingeCraft", instance=config.owner_site)
        self._parts = (
            WixApi(sites, tokens, checkouts, self.renewals, Installations(sites, switches, config), switches, config),
            checkouts,
            WixPages(sites, tokens, webhooks, self.renewals, Backend(tokens, switches, config)),
            DashboardPages(sites, tokens, switches, config),
            WixControl(sites, tokens, webhooks, switches, config),
        )

    def add_to(self, app: web.Application) -> None:
        """The routes of all its parts."""
        for part in self._parts:
            part.add_to(app)
