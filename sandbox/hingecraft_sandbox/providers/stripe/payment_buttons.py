"""The buttons below a payment: refunds and disputes."""

from __future__ import annotations

from decimal import Decimal

from hingecraft_sandbox.providers.book import Document
from hingecraft_sandbox.providers.pages import Button
from hingecraft_sandbox.providers.stripe.acts import Acts
from hingecraft_sandbox.providers.stripe.disputes import BEGINNINGS, Disputes
from hingecraft_sandbox.providers.stripe.forms import StripeRejectedError
from hingecraft_sandbox.providers.stripe.objects import THREE_DECIMAL, ZERO_DECIMAL


def digits_of(currency: str) -> int:
    """The number of decimals of a currency."""
    return 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2


def shown(amount: int, currency: str) -> str:
    """An amount as a person writes it."""
    digits = digits_of(currency)
    return f"{Decimal(amount).scaleb(-digits):,.{digits}f} {currency.upper()}"


class PaymentButtons:
    """Refunds and disputes of the payment of a session or of an invoice."""

    def __init__(self, acts: Acts) -> None:
        self._acts = acts
        self._disputes = Disputes(acts)
        self._objects = acts.objects
        self._book = acts.objects.book

    def choices(self, intent_id: str, base: str) -> list[Button]:
        """The buttons below a payment; one that is not paid has none."""
        intent = self._objects.find("payment_intents", intent_id)
        if intent["status"] != "succeeded":
            return []
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
        for refund in self._book.all("refunds", lambda each: each["charge"] == charge["id"]):
            if refund["status"] == "succeeded":
                what = shown(refund["amount"], refund["currency"])
                choices.append(Button(f"Let the refund of {what} fail", f"/pay/stripe/refund/{refund['id']}/fail"))
        for dispute in self._book.all("disputes", lambda each: each["charge"] == charge["id"]):
            choices += _decisions(dispute)
        return choices

    def facts_of(self, intent_id: str) -> list[tuple[str, object]]:
        """Refunds and disputes of a payment: names and values."""
        charges = self._book.all("charges", lambda each: each["payment_intent"] == intent_id)
        back = sum(each["amount_refunded"] for each in charges)
        ids = {each["id"] for each in charges}
        disputes = [
            each["status"].replace("_", " ") for each in self._book.all("disputes", lambda each: each["charge"] in ids)
        ]
        return [
            ("Refunded", shown(back, charges[0]["currency"]) if back else None),
            ("Dispute", ", ".join(disputes) or None),
        ]

    def act(self, intent_id: str, act: str) -> None:
        """Do what a button says."""
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
            raise StripeRejectedError(f"Unknown action {act}.")

    def page_of(self, intent_id: str) -> str:
        """The page of the session or the invoice that the intent pays, else its own."""
        for session in self._book.all("sessions", lambda each: each["payment_intent"] == intent_id):
            return f"/pay/stripe/c/{session['id']}"
        for payment in self._book.all("invoice_payments", lambda each: each["payment"]["payment_intent"] == intent_id):
            return f"/pay/stripe/invoice/{payment['invoice']}"
        return f"/pay/stripe/i/{intent_id}"


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
