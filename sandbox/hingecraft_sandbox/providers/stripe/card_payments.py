"""The steps of a payer who pays a PaymentIntent on a merchant's page, and the answers of banks."""

from __future__ import annotations

from collections.abc import Callable

from hingecraft_sandbox.providers.book import Document, new_id
from hingecraft_sandbox.providers.stripe.acts import Acts
from hingecraft_sandbox.providers.stripe.forms import StripeRejectedError
from hingecraft_sandbox.providers.stripe.intent_shapes import KIND, unexpected_state
from hingecraft_sandbox.providers.stripe.invoice_intents import InvoiceIntents

_CONFIRMABLE = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})
_NOT_AUTHENTICATED = {
    "type": "invalid_request_error",
    "code": "payment_intent_authentication_failure",
    "message": (
        "We are unable to authenticate your payment method. Please choose a different payment method and try again."
    ),
}
_BOUNCED = {
    "type": "invalid_request_error",
    "code": "payment_intent_payment_attempt_failed",
    "message": "The payment failed.",
}


class CardPayments:
    """Confirms intents of a merchant's own page, and of invoices that are paid there."""

    def __init__(self, acts: Acts, invoices: InvoiceIntents) -> None:
        self._acts = acts
        self._book = acts.objects.book
        self._invoices = invoices
        self.steps: dict[str, Callable[[str], Document]] = {
            "pay": self.pay,
            "fail": self.decline,
            "authenticate": self.ask_to_authenticate,
            "authenticated": lambda intent_id: self.authenticate(intent_id, passed=True),
            "not_authenticated": lambda intent_id: self.authenticate(intent_id, passed=False),
            "pay_later": self.pay_later,
            "arrive": self.arrive,
            "bounce": self.bounce,
        }

    def pay(self, intent_id: str) -> Document:
        """The card works."""
        return self._take(self._confirmable(intent_id))

    def decline(self, intent_id: str, error: Document | None = None) -> Document:
        """The bank declines the card; the payer may try another."""
        return self._decline(self._confirmable(intent_id), error)

    def ask_to_authenticate(self, intent_id: str) -> Document:
        """The bank wants 3-D Secure first."""
        intent = self._confirmable(intent_id)
        action = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}}
        intent |= {"status": "requires_action", "next_action": action, "payment_method": new_id("pm_")[:27]}
        self._changed(intent, "requires_action")
        invoice = self._invoices.invoice_of(intent_id)
        if invoice is not None:
            self._acts.emit("invoice.payment_action_required", invoice)
        return intent

    def authenticate(self, intent_id: str, *, passed: bool) -> Document:
        """The payer passes 3-D Secure, or fails it and may try another card."""
        intent = self._in_state(intent_id, "requires_action")
        return self._take(intent) if passed else self._decline(intent, _NOT_AUTHENTICATED)

    def pay_later(self, intent_id: str) -> Document:
        """A bank debit is on its way."""
        intent = self._confirmable(intent_id)
        intent |= {"status": "processing", "next_action": None, "payment_method": new_id("pm_")[:27]}
        return self._changed(intent, "processing")

    def arrive(self, intent_id: str) -> Document:
        """The bank debit has arrived."""
        return self._take(self._in_state(intent_id, "processing"))

    def bounce(self, intent_id: str) -> Document:
        """The bank debit has failed; the payer may try another method."""
        return self._decline(self._in_state(intent_id, "processing"), _BOUNCED)

    def _take(self, intent: Document) -> Document:
        invoice = self._invoices.invoice_of(intent["id"])
        return self._acts.take(intent) if invoice is None else self._invoices.pay(invoice, intent)

    def _decline(self, intent: Document, error: Document | None = None) -> Document:
        invoice = self._invoices.invoice_of(intent["id"])
        if invoice is None:
            return self._acts.decline(intent, error)
        return self._invoices.decline(invoice, intent, error)

    def _changed(self, intent: Document, told: str) -> Document:
        self._book.put(KIND, intent)
        self._acts.emit(f"payment_intent.{told}", intent)
        return intent

    def _confirmable(self, intent_id: str) -> Document:
        intent = self._acts.objects.find(KIND, intent_id)
        if intent["status"] == "succeeded":
            raise unexpected_state(
                intent,
                "You cannot confirm this PaymentIntent because it has already succeeded after being previously "
                "confirmed.",
            )
        if intent["status"] not in _CONFIRMABLE:
            raise unexpected_state(
                intent, f"You cannot confirm this PaymentIntent because it has a status of {intent['status']}."
            )
        return intent

    def _in_state(self, intent_id: str, status: str) -> Document:
        intent = self._acts.objects.find(KIND, intent_id)
        if intent["status"] != status:
            raise StripeRejectedError(f"This PaymentIntent is not {status} but {intent['status']}.")
        return intent
