"""The page of a portal session."""

from __future__ import annotations

from html import escape

from aiohttp import web

from hingecraft_sandbox.providers.book import Document
from hingecraft_sandbox.providers.pages import Button, buttons, day_of, facts, page
from hingecraft_sandbox.providers.stripe.acts import Acts
from hingecraft_sandbox.providers.stripe.forms import StripeRejectedError
from hingecraft_sandbox.providers.stripe.payment_buttons import shown
from hingecraft_sandbox.providers.stripe.portal import SESSIONS, Portal
from hingecraft_sandbox.providers.stripe.subscriptions import KIND, OVER


class PortalPages:
    """`/pay/stripe/portal/...`."""

    def __init__(self, acts: Acts, portal: Portal) -> None:
        self._objects = acts.objects
        self._book = acts.objects.book
        self._portal = portal

    def add_to(self, app: web.Application) -> None:
        """The routes of the page."""
        app.router.add_get("/pay/stripe/portal/{id}", self.show)
        app.router.add_post("/pay/stripe/portal/{id}/{subscription}/{act}", self.act)

    def _session(self, request: web.Request) -> Document:
        found = self._book.get(SESSIONS, request.match_info["id"])
        if found is None:
            raise web.HTTPNotFound(text="This session of the portal does not exist.")
        return found

    async def show(self, request: web.Request) -> web.Response:
        """The customer's subscriptions and what can be done with them."""
        session = self._session(request)
        running = [
            each
            for each in self._book.all(KIND)
            if each["customer"] == session["customer"] and each["status"] not in OVER
        ]
        parts = "".join(self._part(session, each) for each in running) or "<p>You have no subscription.</p>"
        back = session["return_url"]
        leave = f'<p><a href="{escape(back)}">Back to the site</a></p>' if back else ""
        return page("Your subscriptions", parts + leave)

    def _part(self, session: Document, subscription: Document) -> str:
        base = f"/pay/stripe/portal/{session['id']}/{subscription['id']}"
        price = subscription["items"]["data"][0]["price"]
        choices = [
            Button(
                f"Change to {self._named(each)}",
                f"{base}/switch",
                fields=f'<input type="hidden" name="price" value="{escape(each["id"])}">',
            )
            for each in self._portal.offers(session)
            if each["id"] != price["id"]
        ]
        if self._portal.features(session).get("subscription_cancel", {}).get("enabled"):
            cancelled = subscription["cancel_at"] is not None
            choices.append(
                Button("Do not cancel", f"{base}/keep") if cancelled else Button("Cancel", f"{base}/cancel", "stop")
            )
        end = max(item["current_period_end"] for item in subscription["items"]["data"])
        waiting = subscription["sandbox"].get("next_price")
        told = facts(
            [
                ("State", subscription["status"]),
                ("Ends on" if subscription["cancel_at"] else "Renews on", day_of(end)),
                ("Changes then to", self._named(self._objects.find("prices", waiting)) if waiting else None),
            ]
        )
        return f"<h2>{escape(self._named(price))}</h2>{told}{buttons(choices)}"

    def _named(self, price: Document) -> str:
        return f"{self._objects.name_of(price)}, {shown(price['unit_amount'], price['currency'])}"

    async def act(self, request: web.Request) -> web.Response:
        """Cancel, keep, or change the plan."""
        session, subscription = self._session(request), request.match_info["subscription"]
        price = str((await request.post()).get("price", ""))
        acts = {
            "cancel": lambda: self._portal.cancel(session, subscription, cancel=True),
            "keep": lambda: self._portal.cancel(session, subscription, cancel=False),
            "switch": lambda: self._portal.switch(session, subscription, price),
        }
        if request.match_info["act"] not in acts:
            raise web.HTTPNotFound(text="This button does not exist.")
        try:
            acts[request.match_info["act"]]()
        except StripeRejectedError as error:
            return page("That is not possible", f"<p>{escape(str(error))}</p>", status=409)
        raise web.HTTPSeeOther(f"/pay/stripe/portal/{session['id']}")
