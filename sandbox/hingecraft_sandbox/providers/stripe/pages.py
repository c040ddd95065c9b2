"""The pages of Checkout and Payment Links, with buttons for what can happen to a payment afterwards."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from html import escape
from typing import Any

from aiohttp import web

from hingecraft_sandbox.providers.book import Document
from hingecraft_sandbox.providers.pages import Button, buttons, facts, page
from hingecraft_sandbox.providers.stripe.acts import Acts
from hingecraft_sandbox.providers.stripe.coupons import Coupons
from hingecraft_sandbox.providers.stripe.disputes import Disputes
from hingecraft_sandbox.providers.stripe.forms import StripeRejectedError
from hingecraft_sandbox.providers.stripe.payment_buttons import PaymentButtons, digits_of, shown


def units_of(typed: str, currency: str) -> int | None:
    """The typed amount in the currency's smallest unit, or None if it is not a valid amount."""
    if not _TYPED.fullmatch(typed.strip()):
        return None
    units = Decimal(typed.strip()).scaleb(digits_of(currency))
    return int(units) if units == units.to_integral_value() else None


_CODE = '<label>Promotion code <input name="code" required autocomplete="off"></label> '
_TYPED = re.compile(r"\d{1,9}(\.\d{1,3})?")


class StripePages:
    """`/pay/stripe/...`."""

    def __init__(self, acts: Acts, coupons: Coupons) -> None:
        self._acts = acts
        self._coupons = coupons
        self._disputes = Disputes(acts)
        self._payments = PaymentButtons(acts)
        self._objects = acts.objects
        self._book = acts.objects.book

    def add_to(self, app: web.Application) -> None:
        """The routes of the pages."""
        app.router.add_get("/pay/stripe/c/{id}", self.session)
        app.router.add_post("/pay/stripe/c/{id}/{act}", self.act)
        app.router.add_get("/pay/stripe/l/{key}", self.link)
        app.router.add_post("/pay/stripe/l/{key}/begin", self.begin)
        app.router.add_post("/pay/stripe/refund/{id}/fail", self.fail_refund)
        app.router.add_post("/pay/stripe/dispute/{id}/{end}", self.close_dispute)

    async def session(self, request: web.Request) -> web.Response:
        """The page of a session in any state."""
        found = self._book.get("sessions", request.match_info["id"])
        if found is None:
            return page("There is no such payment", "<p>Follow the link from the site again.</p>", status=404)
        return self._shown(found)

    def _shown(self, session: Document, error: str = "") -> web.Response:
        base = f"/pay/stripe/c/{session['id']}"
        off = session["total_details"]["amount_discount"]
        amount = f'<p class="amount">{shown(session["amount_total"], session["currency"])}</p>'
        told = facts(
            [
                ("For", ", ".join(item["description"] for item in session["items"])),
                ("Discount", shown(off, session["currency"]) if off else None),
                ("E-mail", session["customer_email"]),
                ("State", f"{session['status']}, {session['payment_status']}"),
                ("Reference", session["client_reference_id"]),
            ]
        )
        choices = self._choices(session, base)
        wrong = f'<p class="error" role="alert">{escape(error)}</p>' if error else ""
        offered = (
            self._coupons.offered() if session["status"] == "open" and session.get("allow_promotion_codes") else []
        )
        codes = "".join(f"<li><code>{escape(code)}</code>: {escape(what)}</li>" for code, what in offered)
        hint = f'<p class="note">Promotion codes:</p><ul class="note">{codes}</ul>' if codes else ""
        back = session["success_url"] if session["status"] == "complete" else session["cancel_url"]
        leave = f'<p><a href="{escape(_filled(back, session))}">Back to the site</a></p>' if back else ""
        subscription = session.get("subscription")
        if subscription:
            leave += f'<p><a href="/pay/stripe/subscription/{subscription}">The subscription and its invoices</a></p>'
        return page(
            "Pay by card", amount + told + wrong + buttons(choices) + hint + leave, status=409 if error else 200
        )

    def _choices(self, session: Document, base: str) -> list[Button]:
        if session["status"] == "open":
            code = Button("Apply the code", f"{base}/code", fields=_CODE)
            return [
                Button("Pay", f"{base}/pay", "go"),
                *([code] if session.get("allow_promotion_codes") else []),
                Button("Promise a bank transfer", f"{base}/pay_later"),
                Button("Decline the card", f"{base}/fail"),
                Button("Let it expire", f"{base}/expire", "stop"),
            ]
        if session["status"] != "complete":
            return []
        if session["payment_status"] == "unpaid":
            return [
                Button("The transfer arrives", f"{base}/arrive", "go"),
                Button("It never comes", f"{base}/bounce", "stop"),
            ]
        if session["mode"] == "subscription":
            return []
        return self._payments.choices(session["payment_intent"], base) if session["payment_intent"] else []

    async def act(self, request: web.Request) -> web.Response:
        """Handle a pressed button; a payment redirects to the site, as on the real page."""
        session_id, act = request.match_info["id"], request.match_info["act"]
        try:
            if act == "code":
                session = self._coupons.enter(session_id, str((await request.post()).get("code", "")))
            else:
                session = self._done(session_id, act)
        except StripeRejectedError as error:
            found = self._book.get("sessions", session_id)
            if found is None:
                return page("There is no such payment", "<p>Follow the link from the site again.</p>", status=404)
            return self._shown(found, error.body["error"]["message"])
        if act == "pay" and session["success_url"]:
            raise web.HTTPSeeOther(_filled(session["success_url"], session))
        raise web.HTTPSeeOther(f"/pay/stripe/c/{session_id}")

    def _done(self, session_id: str, act: str) -> Document:
        simple: Mapping[str, Callable[[str], Document]] = {
            "pay": self._acts.pay,
            "fail": self._acts.fail,
            "expire": self._acts.expire,
            "pay_later": self._acts.pay_later,
            "arrive": self._acts.arrive,
            "bounce": self._acts.bounce,
        }
        if act in simple:
            return simple[act](session_id)
        session = self._objects.find("sessions", session_id)
        self._payments.act(session["payment_intent"] or "", act)
        return session

    async def fail_refund(self, request: web.Request) -> web.Response:
        """A refund failed: the bank returned the money."""
        return self._back(lambda: self._acts.fail_refund(request.match_info["id"]))

    async def close_dispute(self, request: web.Request) -> web.Response:
        """Move a dispute to its next state."""
        return self._back(lambda: self._disputes.end(request.match_info["id"], request.match_info["end"]))

    def _back(self, work: Any) -> web.Response:
        try:
            changed = work()
        except StripeRejectedError as error:
            return page("That is not possible", f"<p>{escape(error.body['error']['message'])}</p>", status=409)
        raise web.HTTPSeeOther(self._payments.page_of(changed["payment_intent"]))

    def _link(self, request: web.Request) -> Document | None:
        key = request.match_info["key"]
        return next(iter(self._book.all("payment_links", lambda link: link["key"] == key)), None)

    async def link(self, request: web.Request) -> web.Response:
        """A Payment Link, on which the payer enters the amount."""
        link = self._link(request)
        if link is None or not link["active"]:
            return page("This link is no longer active", "<p>Choose an amount on the site again.</p>", status=404)
        return self._ask_amount(link)

    def _ask_amount(self, link: Document, error: str = "") -> web.Response:
        price = self._objects.find("prices", link["line_item_prices"][0])
        custom = price["custom_unit_amount"] or {}
        currency = price["currency"]
        preset = int(custom.get("preset") or price["unit_amount"] or custom.get("minimum", 100))
        offered = shown(preset, currency).split()[0].replace(",", "")
        wrong = f'<p class="error" role="alert">{escape(error)}</p>' if error else ""
        field = (
            f"<label>Amount in {escape(currency.upper())} "
            f'<input name="amount" inputmode="decimal" required value="{offered}"></label> '
        )
        bounds = facts([(name, shown(custom[name], currency)) for name in ("minimum", "maximum") if name in custom])
        go = Button("Continue", f"/pay/stripe/l/{link['key']}/begin", "go", field)
        return page("Give what you like", bounds + wrong + buttons([go]), status=400 if error else 200)

    async def begin(self, request: web.Request) -> web.Response:
        """Each payer gets their own session."""
        link = self._link(request)
        if link is None or not link["active"]:
            return page("This link is no longer active", "<p>Choose an amount on the site again.</p>", status=404)
        price = self._objects.find("prices", link["line_item_prices"][0])
        units = units_of(str((await request.post()).get("amount", "")), price["currency"])
        if units is None:
            return self._ask_amount(link, "Enter an amount such as 10.")
        try:
            session = self._objects.session_of_link(link, units)
        except StripeRejectedError as error:
            return self._ask_amount(link, error.body["error"]["message"])
        raise web.HTTPSeeOther(f"/pay/stripe/c/{session['id']}")


def _filled(url: str, session: Document) -> str:
    return url.replace("{CHECKOUT_SESSION_ID}", session["id"])
