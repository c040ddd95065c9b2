"""The pages of the stand-in: sites that have the app, and what their owners can do."""

from __future__ import annotations

import asyncio
import time
from html import escape
from http import HTTPStatus

from aiohttp import web

from hingecraft_sandbox.providers.book import Document
from hingecraft_sandbox.providers.pages import Button, buttons, day_of, facts, page, table
from hingecraft_sandbox.wix import PREFIX
from hingecraft_sandbox.wix.acts import act
from hingecraft_sandbox.wix.api import BI_EVENTS
from hingecraft_sandbox.wix.backend import Backend
from hingecraft_sandbox.wix.plans import CYCLES, PLANS
from hingecraft_sandbox.wix.renewals import WixRenewals
from hingecraft_sandbox.wix.sites import SITES, Sites, WixRejectedError
from hingecraft_sandbox.wix.tokens import Tokens
from hingecraft_sandbox.wix.webhooks import KIND as EVENTS
from hingecraft_sandbox.wix.webhooks import WixWebhooks, label_of, outcome_of

_RECENT = 40
# How long a page waits for webhooks that were just sent, in steps, and for what follows from them, in seconds.
_ANSWERED_WITHIN, _AGAIN, _PROCESSED_WITHIN = 15, 0.1, 0.5
_INSTALL = (
    '<input name="name" aria-label="Name of the site" placeholder="Name of the site" required maxlength="60" '
    'autocomplete="off"> '
)


class WixPages:
    """`/wix` and `/wix/sites/...`."""

    def __init__(
        self,
        sites: Sites,
        tokens: Tokens,
        webhooks: WixWebhooks,
        renewals: WixRenewals,
        backend: Backend,
    ) -> None:
        self._sites = sites
        self._tokens = tokens
        self._webhooks = webhooks
        self._renewals = renewals
        self._backend = backend

    def add_to(self, app: web.Application) -> None:
        """The routes."""
        app.router.add_get(PREFIX, self.market)
        app.router.add_post(PREFIX + "/install", self.install)
        app.router.add_get(PREFIX + "/sites/{id}", self.site)
        app.router.add_post(PREFIX + "/sites/{id}/{act}", self.act)
        app.router.add_post(PREFIX + "/events/{id}/again", self.again)

    async def market(self, _request: web.Request) -> web.Response:
        """All sites, and the form that installs the app on another."""
        self._renewals.catch_up()
        rows = [
            [
                f'<a href="{PREFIX}/sites/{site["id"]}">{escape(site["name"])}</a>',
                "installed" if site["installed"] else "removed",
                escape(_plan_of(site)),
                f"<code>{site['id']}</code>",
            ]
            for site in self._sites.book.all(SITES)[:_RECENT]
        ]
        pricing = f'<p><a href="{self._address}/wix-pricing">The pricing page, as the app market opens it</a></p>'
        body = (
            '<p class="note">Sites install the app here as from the app market. Then open a site to buy, cancel, '
            "refund or remove.</p>"
            + buttons([Button("Install on a new site", f"{PREFIX}/install", "go", _INSTALL)])
            + pricing
            + f"<h2>Sites</h2>{table(['Site', 'App', 'Plan', 'Instance'], rows)}"
        )
        return page("Wix app market", body, wide=True)

    @property
    def _address(self) -> str:
        return escape(self._backend.address)

    async def install(self, request: web.Request) -> web.Response:
        """The button of the form."""
        name = str((await request.post()).get("name", "")).strip()
        if not name:
            return page("That is not possible", "<p>Give the site a name.</p>", status=HTTPStatus.BAD_REQUEST)
        raise web.HTTPSeeOther(f"{PREFIX}/sites/{self._sites.install(name)['id']}")

    async def site(self, request: web.Request) -> web.Response:
        """One site: its plan, its invoices, and what became of the webhooks."""
        self._renewals.catch_up()
        try:
            site = self._sites.find(request.match_info["id"])
        except WixRejectedError as error:
            return page("Not found", f"<p>{escape(str(error))}</p>", status=HTTPStatus.NOT_FOUND)
        plan = site["plan"]
        told = facts(
            [
                ("App", "installed" if site["installed"] else "removed"),
                ("Plan", _plan_of(site)),
                ("Period ends", day_of(plan["ends"]) if plan else None),
                ("Renews", ("yes" if plan["renews"] else "no") if plan else None),
                ("Card", "declined at the next renewal" if site["declines"] else None),
                ("Instance", site["id"]),
                ("Copy of", site["origin"]),
                ("Today", day_of(self._sites.moments.now())),
            ]
        )
        body = (
            told
            + self._ways_in(site)
            + await self._at_backend(site)
            + f"<h2>The owner</h2>{self._owner(site)}"
            + f"<h2>Invoices</h2>{self._invoices(site)}"
            + f"<h2>Webhooks</h2>{self._events(site)}"
            + self._bi_events(site)
            + f'<p><a href="{PREFIX}">All sites</a></p>'
        )
        return page(site["name"], body, wide=True)

    async def _at_backend(self, site: Document) -> str:
        """The site as the backend has it: once it has answered a webhook, since a call makes the site known there."""
        events = await self._answered(site)
        if not site["installed"] or not any(_is_accepted(each) for each in events):
            return ""
        return f"<h2>At the backend</h2>{facts(await self._backend.status_of(site))}"

    async def _answered(self, site: Document) -> list[Document]:
        """The site's events. Waits for those that were just sent, until the backend has processed them too."""
        for _ in range(_ANSWERED_WITHIN):
            events = self._events_of(site)
            if all(each["lost"] or each["attempts"] for each in events):
                break
            await asyncio.sleep(_AGAIN)
        else:
            return self._events_of(site)
        if events and not events[0]["lost"] and time.time() - events[0].get("at", 0) < _PROCESSED_WITHIN:
            await asyncio.sleep(_PROCESSED_WITHIN)
        return events

    def _events_of(self, site: Document) -> list[Document]:
        return self._sites.book.all(EVENTS, lambda each: bool(each["instance"] == site["id"]))[:_RECENT]

    def _ways_in(self, site: Document) -> str:
        """The app's pages, as Wix opens them; the token is new each time."""
        token = self._tokens.instance_of(site)
        return (
            f'<p><a href="{PREFIX}/sites/{site["id"]}/dashboard">Dashboard</a> &nbsp; '
            f'<a href="{self._address}/wix-pricing?instance={token}">Pricing page ("Upgrade app")</a></p>'
        )

    def _owner(self, site: Document) -> str:
        base, plan = f"{PREFIX}/sites/{site['id']}", site["plan"]
        if not site["installed"]:
            return buttons([Button("Install again", f"{base}/reinstall", "go")])
        choices = [Button("Change the plan" if plan else "Buy", f"{base}/buy", "go", _plan_fields(trial=plan is None))]
        if plan:
            if plan["renews"]:
                choices.append(Button("Cancel at the period's end", f"{base}/cancel", "stop"))
            else:
                choices.append(Button("Renew again", f"{base}/reactivate"))
            choices.append(Button("Cancel at once", f"{base}/cancel-now", "stop"))
            if plan["trial_ends"] is not None and not plan.get("trial_ended"):
                choices.append(Button("End the free trial and pay", f"{base}/convert"))
            decline = ("Accept the card again", "accept") if site["declines"] else ("Decline the card", "decline")
            choices.append(Button(decline[0], f"{base}/{decline[1]}"))
            choices.append(Button("Let the next payment fail", f"{base}/fail"))
            choices += self._transfers(site, base)
        choices.append(Button("Duplicate the site", f"{base}/duplicate"))
        choices.append(Button("Remove the app", f"{base}/remove", "stop"))
        return buttons(choices)

    def _transfers(self, site: Document, base: str) -> list[Button]:
        others = self._sites.book.all(
            SITES, lambda each: bool(each["installed"] and each["plan"] is None and each["id"] != site["id"])
        )
        if not others:
            return []
        options = "".join(f'<option value="{each["id"]}">{escape(each["name"])}</option>' for each in others)
        fields = f'<select name="to" aria-label="Another site">{options}</select> '
        return [Button("Move the plan there", f"{base}/transfer", fields=fields)]

    def _invoices(self, site: Document) -> str:
        base = f"{PREFIX}/sites/{site['id']}"
        rows = [
            [
                escape(each["id"]),
                escape(f"{each['price']} {each['currency']}"),
                escape(each["product"]),
                escape(each["status"].lower()),
                buttons(
                    [
                        Button(
                            label,
                            f"{base}/{name}",
                            fields=f'<input type="hidden" name="invoice" value="{escape(each["id"])}">',
                        )
                        for label, name in (
                            ("Pay", "pay"),
                            ("Refund", "refund"),
                            ("Charge back", "charge-back"),
                        )
                    ]
                ),
            ]
            for each in self._sites.invoices_of(site["id"])[:_RECENT]
        ]
        return table(["Invoice", "Amount", "Plan", "State", ""], rows)

    def _events(self, site: Document) -> str:
        rows = [
            [
                escape(label_of(each)),
                escape(outcome_of(each)),
                f"<details><summary>Data</summary><code>{escape(each['said']['data'])}</code></details>",
                buttons([Button("Send again", f"{PREFIX}/events/{each['id']}/again")]),
            ]
            for each in self._events_of(site)
        ]
        return table(["Event", "Answer", "", ""], rows)

    def _bi_events(self, site: Document) -> str:
        found = self._sites.book.all(BI_EVENTS, lambda each: bool(each["instance"] == site["id"]))[:_RECENT]
        if not found:
            return ""
        return f"<h2>BI events</h2>{table(['Event'], [[escape(each['custom'] or each['name'])] for each in found])}"

    async def act(self, request: web.Request) -> web.Response:
        """A button of a site's page."""
        fields = {name: str(value) for name, value in (await request.post()).items()}
        try:
            shown = act(self._sites, request.match_info["id"], request.match_info["act"], fields)
        except WixRejectedError as error:
            return page("That is not possible", f"<p>{escape(str(error))}</p>", status=HTTPStatus.CONFLICT)
        raise web.HTTPSeeOther(f"{PREFIX}/sites/{shown}")

    async def again(self, request: web.Request) -> web.Response:
        """Send an event once more."""
        self._webhooks.again(request.match_info["id"])
        raise web.HTTPSeeOther(request.headers.get("Referer") or PREFIX)


def _is_accepted(event: Document) -> bool:
    return any(each["status"] == HTTPStatus.OK for each in event["attempts"])


def _plan_of(site: Document) -> str:
    plan = site["plan"]
    if plan is None:
        return "free"
    trial = ", free trial" if plan["trial_ends"] is not None and not plan.get("trial_ended") else ""
    return f"{PLANS[plan['product']].name}, {plan['cycle'].lower()}{trial}"


def _plan_fields(*, trial: bool) -> str:
    plans = "".join(f'<option value="{each.product}">{escape(each.name)}</option>' for each in PLANS.values())
    cycles = "".join(f'<option value="{each}">{each.lower()}</option>' for each in CYCLES)
    check = ' <label><input type="checkbox" name="trial"> free trial</label> ' if trial else " "
    return (
        f'<select name="product" aria-label="Plan">{plans}</select> '
        f'<select name="cycle" aria-label="Billing cycle">{cycles}</select>{check}'
    )
