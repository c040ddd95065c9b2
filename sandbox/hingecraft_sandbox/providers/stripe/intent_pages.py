"""The page of a PaymentIntent: what can happen to it, without the merchant's page and its card form."""

from __future__ import annotations

from html import escape

from aiohttp import web

from hingecraft_sandbox.providers.book import Document
from hingecraft_sandbox.providers.pages import Button, buttons, facts, page
from hingecraft_sandbox.providers.stripe.acts import Acts
from hingecraft_sandbox.providers.stripe.card_payments import CardPayments
from hingecraft_sandbox.providers.stripe.forms import StripeRejectedError
from hingecraft_sandbox.providers.stripe.intent_shapes import KIND
from hingecraft_sandbox.providers.stripe.intents import Intents
from hingecraft_sandbox.providers.stripe.payment_buttons import PaymentButtons, shown

_CONFIRM = (("Pay", "pay", "go"), ("Decline the card", "fail", ""), ("Ask for 3-D Secure", "authenticate", ""))
_LATER = (("Promise a bank debit", "pay_later", ""), ("Cancel it", "cancel", "stop"))
# What can happen next, by the intent's status: the label, the act and the style of each button.
_CHOICES = {
    "requires_payment_method": (*_CONFIRM, *_LATER),
    "requires_action": (
        ("Pass 3-D Secure", "authenticated", "go"),
        ("Fail 3-D Secure", "not_authenticated", ""),
        ("Cancel it", "cancel", "stop"),
    ),
    "processing": (("The bank debit arrives", "arrive", "go"), ("It fails", "bounce", "stop")),
}


class IntentPages:
    """`/pay/stripe/i/...`."""

    def __init__(self, acts: Acts, intents: Intents, cards: CardPayments) -> None:
        self._book = acts.objects.book
        self._intents = intents
        self._cards = cards
        self._payments = PaymentButtons(acts)

    def add_to(self, app: web.Application) -> None:
        """The routes of the page."""
        app.router.add_get("/pay/stripe/i/{id}", self.show)
        app.router.add_post("/pay/stripe/i/{id}/{act}", self.act)

    async def show(self, request: web.Request) -> web.Response:
        """An intent in any state; that of a Checkout Session is paid on the session's page."""
        found = self._book.get(KIND, request.match_info["id"])
        if found is None:
            return _missing()
        elsewhere = self._payments.page_of(found["id"])
        if elsewhere.startswith("/pay/stripe/c/"):
            raise web.HTTPSeeOther(elsewhere)
        return self._shown(found)

    def _shown(self, intent: Document, error: str = "") -> web.Response:
        base = f"/pay/stripe/i/{intent['id']}"
        failure = intent["last_payment_error"] or {}
        told = facts(
            [
                ("For", intent["description"]), ("State", intent["status"]), *self._payments.facts_of(intent["id"]),
                ("Customer", intent["customer"]), ("Last error", failure.get("message")),
                *sorted(intent["metadata"].items()),
            ]
        )  # fmt: skip
        choices = [Button(label, f"{base}/{act}", style) for label, act, style in _CHOICES.get(intent["status"], ())]
        if intent["status"] == "succeeded":
            choices = self._payments.choices(intent["id"], base)
        wrong = f'<p class="error" role="alert">{escape(error)}</p>' if error else ""
        amount = f'<p class="amount">{shown(intent["amount"], intent["currency"])}</p>'
        return page("Card payment", amount + told + wrong + buttons(choices), status=409 if error else 200)

    async def act(self, request: web.Request) -> web.Response:
        """Handle a pressed button."""
        intent_id, act = request.match_info["id"], request.match_info["act"]
        if self._book.get(KIND, intent_id) is None:
            return _missing()
        try:
            self._do(intent_id, act)
        except StripeRejectedError as error:
            return self._shown(self._book.get(KIND, intent_id) or {}, str(error))
        raise web.HTTPSeeOther(f"/pay/stripe/i/{intent_id}")

    def _do(self, intent_id: str, act: str) -> None:
        if self._payments.page_of(intent_id).startswith("/pay/stripe/c/"):
            raise StripeRejectedError("A Checkout Session made this PaymentIntent: pay on the session's page.")
        if act == "cancel":
            self._intents.cancel(intent_id, {})
        elif act in self._cards.steps:
            self._cards.steps[act](intent_id)
        else:
            self._payments.act(intent_id, act)


def _missing() -> web.Response:
    return page("This payment does not exist", "<p>The sandbox may have been emptied.</p>", status=404)
