"""`/v1/payment_intents`: made and cancelled by a merchant."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hingecraft_sandbox.providers.book import Document
from hingecraft_sandbox.providers.stripe import shapes
from hingecraft_sandbox.providers.stripe.acts import Acts
from hingecraft_sandbox.providers.stripe.api import Billing
from hingecraft_sandbox.providers.stripe.forms import StripeRejectedError, checked, required
from hingecraft_sandbox.providers.stripe.intent_shapes import KIND, new_intent, unexpected_state
from hingecraft_sandbox.providers.stripe.objects import check_amount

_CANCELLABLE = ("requires_payment_method", "requires_capture", "requires_confirmation", "requires_action", "processing")
_COPIED = ("capture_method", "customer", "description", "setup_future_usage", "statement_descriptor_suffix")
_CURRENCY = re.compile(r"[a-z]{3}")


class Intents:
    """PaymentIntents of a merchant's own page."""

    def __init__(self, acts: Acts) -> None:
        self._acts = acts
        self._objects = acts.objects
        self._book = acts.objects.book

    def endpoints(self) -> Billing:
        """Method, path and what answers it; reading and listing are in `StripeApi`."""
        return (
            ("POST", "/v1/payment_intents", lambda _path, params: self.create(params)),
            ("POST", "/v1/payment_intents/{id}/cancel", self._cancel),
        )

    def create(self, raw: Document) -> Document:
        """`POST /v1/payment_intents`."""
        params = checked(raw, shapes.INTENT)
        required(params, "amount", "currency")
        currency = params["currency"].lower()
        if not _CURRENCY.fullmatch(currency):
            raise StripeRejectedError(f"Invalid currency: {currency}.", param="currency")
        check_amount(currency, params["amount"], "amount")
        self._objects.require_customer(params.get("customer"))
        intent = new_intent(params["amount"], currency, params.get("metadata", {}))
        intent |= {name: params[name] for name in _COPIED if name in params}
        made = self._book.put(KIND, intent | {"automatic_payment_methods": _methods(params)})
        self._acts.emit("payment_intent.created", made)
        return made

    def _cancel(self, path: Mapping[str, str], raw: Document) -> Document:
        return self.cancel(path["id"], raw)

    def cancel(self, intent_id: str, raw: Document) -> Document:
        """`POST /v1/payment_intents/{id}/cancel`."""
        params = checked(raw, shapes.INTENT_CANCEL)
        intent = self._objects.find(KIND, intent_id)
        if intent["status"] not in _CANCELLABLE:
            raise unexpected_state(
                intent,
                f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. Only a "
                f"PaymentIntent with one of the following statuses may be canceled: {', '.join(_CANCELLABLE)}.",
            )
        self._require_own(intent)
        return self._acts.cancel_intent(intent, params.get("cancellation_reason"))

    def _require_own(self, intent: Document) -> None:
        """An intent of a session or an invoice ends with it, by expiring the session or voiding the invoice."""
        if self._book.all("sessions", lambda each: each["payment_intent"] == intent["id"]):
            raise unexpected_state(
                intent, "You cannot cancel this PaymentIntent: expire the Checkout Session that made it instead."
            )
        payments = self._book.all(
            "invoice_payments", lambda each: each["payment"].get("payment_intent") == intent["id"]
        )
        if payments:
            raise unexpected_state(
                intent, "You cannot cancel this PaymentIntent: void the invoice that made it instead."
            )


def _methods(params: Document) -> Document | None:
    """The methods that the payer is offered: the account's, unless the merchant switches that off."""
    given = params.get("automatic_payment_methods", {"enabled": True})
    if "enabled" not in given:
        name = "automatic_payment_methods[enabled]"
        raise StripeRejectedError(f"Missing required param: {name}.", code="parameter_missing", param=name)
    return {"allow_redirects": "always", **given} if given["enabled"] else None
