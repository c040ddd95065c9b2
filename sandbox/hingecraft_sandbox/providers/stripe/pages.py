"""The pages of Checkout and Payment Links, with buttons for what can happen to a payment afterwards."""

from __future__ import annotations

import re
from decimal import Decimal
from html import escape
from typing import Any

from aiohttp import web

from hingecraft_sandbox.providers.book import Document
from hingecraft_sandbox.providers.pages import Button, buttons, facts, page
from hingecraft_sandbox.providers.stripe.acts import Acts
from hingecraft_sandbox.providers.stripe.disputes import BEGINNINGS, Disputes
from hingecraft_sandbox.providers.stripe.forms import StripeRefusalError
from hingecraft_sandbox.providers.stripe.objects import THREE_DECIMAL, ZERO_DECIMAL
from hingecraft_sandbox.providers.stripe.subscriptions import Subscriptions


def digits_of(currency: str) -> int:
    """The number of decimals of a currency."""
    return 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2


def shown(amount: int, currency: str) -> str:
    """An amount as a person writes it."""
    digits = digits_of(currency)
    return f"{Decimal(amount).scaleb(-digits):,.{digits}f} {currency.upper()}"


def units_of(typed: str, currency: str) -> int | None:
    """The typed amount in the currency's smallest unit, or None if it is not a valid amount."""
    if not _TYPED.fullmatch(typed.strip()):
        return None
    units = Decimal(typed.strip()).scaleb(digits_of(currency))
    return int(units) if units == units.to_integral_value() else None


_TYPED = re.compile(r"\d{1,9}(\.\d{1,3})?")


class StripePages:
    """`/pay/stripe/...`."""

    def __init__(self, acts: Acts, subscriptions: Subscriptions) -> None:
        self._acts = acts
        self._disputes = Disputes(acts)
        self._subscriptions = subscriptions
        self._objects = acts.objects
        self._book = acts.objects.book

    def add_to(self, app: web.Application) -> None:
        """The routes of the pages."""
        app.router.add_get("/pay/stripe/c/{id}", self.session)
        app.router.add_post("/pay/stripe/c/{id}/{act}", self.act)
        app.router.add_get("/pay/stripe/l/{key}", self.link)
        app.router.add_post("/pay/stripe/l/{key}/begin", self.begin)
        app.router.add_post("/pay/stripe/refund/{id}/fail", self.fail_refund)
        app.router.add_post("/pay/stripe/subscription/{id}/{act}", self.subscription)
        app.router.add_post("/pay/stripe/dispute/{id}/{end}", self.close_dispute)

    async def session(self, request: web.Request) -> web.Response:
        """The page of a session in any state."""
        found = self._book.get("sessions", request.match_info["id"])
        if found is None:
            return page("There is no such payment", "<p>Follow the link from the site again.</p>", status=404)
        return self._shown(found)

    def _shown(self, session: Document, refused: str = "") -> web.Response:
        base = f"/pay/stripe/c/{session['id']}"
        amount = f'<p class="amount">{shown(session["amount_total"], session["currency"])}</p>'
        told = facts(
            [
                ("For", ", ".join(item["description"] for item in session["items"])),
                ("E-mail", session["customer_email"]),
                ("State", f"{session['status']}, {session['payment_status']}"),
                ("Reference", session["client_reference_id"]),
            ]
        )
        choices = self._choices(session, base)
        wrong = f'<p class="refused" role="alert">{escape(refused)}</p>' if refused else ""
        back = session["success_url"] if session["status"] == "complete" else session["cancel_url"]
        leave = f'<p><a href="{escape(_filled(back, session))}">Back to the site</a></p>' if back else ""
        return page("Pay by card", amount + told + wrong + buttons(choices) + leave, status=409 if refused else 200)

    def _choices(self, session: Document, base: str) -> list[Button]:
        if session["status"] == "open":
            return [
                Button("Pay", f"{base}/pay", "go"),
                Button("Promise a bank transfer", f"{base}/pay_later"),
                Button("Decline the card", f"{base}/fail"),
                Button("Let it expire", f"{base}/expire", "stop"),
            ]
        if session["status"] != "complete":
            return []
        if session["mode"] == "subscription":
            return self._of_subscription(session["subscription"])
        if session["payment_status"] == "unpaid":
            return [
                Button("The transfer arrives", f"{base}/arrive", "go"),
                Button("It never comes", f"{base}/bounce", "stop"),
            ]
        return self._after_payment(session, base)

    def _after_payment(self, session: Document, base: str) -> list[Button]:
        intent = self._objects.find("payment_intents", session["payment_intent"])
        charge = self._objects.find("charges", intent["latest_charge"])
        left = charge["amount"] - charge["amount_refunded"]
        choices = [Button("Refund all of it", f"{base}/refund", "stop")] if left else []
        if left > 1:
            choices.append(Button("Refund half", f"{base}/refund_half", "stop"))
        if charge["balance_transaction"] is None:
            choices.append(Button("Say what it is worth", f"{base}/value", "go"))
        if not charge["disputed"]:
            choices += [
                Button("Dispute", f"{base}/dispute", "stop"), Button("Ask about it", f"{base}/inquire"),
                Button("Prevent a dispute: block it", f"{base}/block"),
                Button("Prevent a dispute: give the money back", f"{base}/resolve", "stop"),
            ]  # fmt: skip
        for refund in self._book.all("refunds"):
            if refund["charge"] == charge["id"] and refund["status"] == "succeeded":
                what = shown(refund["amount"], refund["currency"])
                choices.append(Button(f"Let the refund of {what} fail", f"/pay/stripe/refund/{refund['id']}/fail"))
        for dispute in self._book.all("disputes"):
            if dispute["charge"] == charge["id"]:
                choices += _decisions(dispute)
        return choices

    def _of_subscription(self, subscription_id: str) -> list[Button]:
        found = self._objects.find("subscriptions", subscription_id)
        base = f"/pay/stripe/subscription/{subscription_id}"
        if found["status"] == "canceled":
            return []
        return [Button("Cancel it", f"{base}/cancel", "stop")]

    async def subscription(self, request: web.Request) -> web.Response:
        """Go to the next period, or end the subscription."""
        key, act = request.match_info["id"], request.match_info["act"]
        acts = {
            "cancel": lambda: self._subscriptions.cancel(key),
        }
        try:
            acts.get(act, lambda: self._objects.find("acts", act))()
        except StripeRefusalError as error:
            return page("That is not possible", f"<p>{escape(error.body['error']['message'])}</p>", status=409)
        session = next(each for each in self._book.all("sessions") if each.get("subscription") == key)
        raise web.HTTPSeeOther(f"/pay/stripe/c/{session['id']}")

    async def act(self, request: web.Request) -> web.Response:
        """Handle a pressed button; a payment redirects to the site, as on the real page."""
        session_id, act = request.match_info["id"], request.match_info["act"]
        try:
            session = self._done(session_id, act)
        except StripeRefusalError as error:
            found = self._book.get("sessions", session_id)
            if found is None:
                return page("There is no such payment", "<p>Follow the link from the site again.</p>", status=404)
            return self._shown(found, error.body["error"]["message"])
        if act == "pay" and session["success_url"]:
            raise web.HTTPSeeOther(_filled(session["success_url"], session))
        raise web.HTTPSeeOther(f"/pay/stripe/c/{session_id}")

    def _done(self, session_id: str, act: str) -> Document:
        simple = {
            "pay": self._acts.pay,
            "fail": self._acts.fail,
            "expire": self._acts.expire,
            "pay_later": self._acts.pay_later,
            "arrive": self._acts.arrive,
            "bounce": self._acts.bounce,
        }
        if act in simple:
            done: Document = simple[act](session_id)
            return done
        session = self._objects.find("sessions", session_id)
        intent_id = session["payment_intent"] or ""
        intent = self._objects.find("payment_intents", intent_id)
        if act == "refund":
            self._acts.refund({"payment_intent": intent_id})
        elif act == "refund_half":
            charge = self._objects.find("charges", intent["latest_charge"])
            self._acts.refund(
                {"payment_intent": intent_id, "amount": (charge["amount"] - charge["amount_refunded"]) // 2}
            )
        elif act in BEGINNINGS:
            self._disputes.begin(intent["latest_charge"], act)
        elif act == "value":
            self._acts.value(intent["latest_charge"] or "")
        else:
            raise StripeRefusalError(f"Unknown action {act}.")
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
        except StripeRefusalError as error:
            return page("That is not possible", f"<p>{escape(error.body['error']['message'])}</p>", status=409)
        intent_id = changed["payment_intent"]
        session = next(each for each in self._book.all("sessions") if each["payment_intent"] == intent_id)
        raise web.HTTPSeeOther(f"/pay/stripe/c/{session['id']}")

    def _link(self, request: web.Request) -> Document | None:
        key = request.match_info["key"]
        return next((link for link in self._book.all("payment_links") if link["key"] == key), None)

    async def link(self, request: web.Request) -> web.Response:
        """A Payment Link, on which the payer enters the amount."""
        link = self._link(request)
        if link is None or not link["active"]:
            return page("This link is no longer active", "<p>Choose an amount on the site again.</p>", status=404)
        return self._ask_amount(link)

    def _ask_amount(self, link: Document, refused: str = "") -> web.Response:
        price = self._objects.find("prices", link["line_item_prices"][0])
        custom = price["custom_unit_amount"] or {}
        currency = price["currency"]
        preset = int(custom.get("preset") or price["unit_amount"] or custom.get("minimum", 100))
        offered = shown(preset, currency).split()[0].replace(",", "")
        wrong = f'<p class="refused" role="alert">{escape(refused)}</p>' if refused else ""
        field = (
            f"<label>Amount in {escape(currency.upper())} "
            f'<input name="amount" inputmode="decimal" required value="{offered}"></label> '
        )
        bounds = facts([(name, shown(custom[name], currency)) for name in ("minimum", "maximum") if name in custom])
        go = Button("Continue", f"/pay/stripe/l/{link['key']}/begin", "go", field)
        return page("Give what you like", bounds + wrong + buttons([go]), status=400 if refused else 200)

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
        except StripeRefusalError as error:
            return self._ask_amount(link, error.body["error"]["message"])
        raise web.HTTPSeeOther(f"/pay/stripe/c/{session['id']}")


def _decisions(dispute: Document) -> list[Button]:
    base = f"/pay/stripe/dispute/{dispute['id']}"
    decisions = [Button("The dispute is won", f"{base}/won"), Button("The dispute is lost", f"{base}/lost")]
    return {
        "needs_response": decisions,
        "appeal_under_review": decisions,
        "lost": [Button("Appeal", f"{base}/appeal")],
        "warning_needs_response": [
            Button("It becomes a dispute", f"{base}/escalate", "stop"),
            Button("The question is closed", f"{base}/drop"),
        ],
    }.get(dispute["status"], [])  # fmt: skip


def _filled(url: str, session: Document) -> str:
    return url.replace("{CHECKOUT_SESSION_ID}", session["id"])
