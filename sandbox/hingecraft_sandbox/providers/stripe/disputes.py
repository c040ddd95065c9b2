"""Disputes: how they begin, what they withdraw, and how they end."""

from __future__ import annotations

from collections.abc import Callable

from hingecraft_sandbox.providers.book import Document, new_id, now
from hingecraft_sandbox.providers.stripe.acts import Acts, taken_by
from hingecraft_sandbox.providers.stripe.balance import arriving, balance_transaction
from hingecraft_sandbox.providers.stripe.forms import StripeRejectedError

_FEE = 1500
# How a dispute begins: its status, the kind of case, and whether money is withdrawn.
BEGINNINGS = {
    "dispute": ("needs_response", "chargeback", True),
    "inquire": ("warning_needs_response", "inquiry", False),
    "block": ("prevented", "block", False),
    "resolve": ("prevented", "resolution", True),
}


class Disputes:
    """The actions of banks."""

    def __init__(self, acts: Acts) -> None:
        self._acts = acts
        self._book = acts.objects.book

    def begin(self, charge_id: str, how: str) -> Document:
        """The payer's bank wants the money back, asks about the payment, or is satisfied before either."""
        charge = self._acts.objects.find("charges", charge_id)
        if charge["disputed"]:
            raise StripeRejectedError("This charge is disputed already.")
        if charge["amount_refunded"] == charge["amount"]:
            raise StripeRejectedError("This charge has been refunded.")
        status, case, takes = BEGINNINGS[how]
        dispute: Document = {
            "id": new_id("dp_")[:27],
            "object": "dispute",
            "amount": charge["amount"] - charge["amount_refunded"],
            "balance_transactions": [],
            "currency": charge["currency"],
            "charge": charge_id,
            "payment_intent": charge["payment_intent"],
            "payment_method_details": {"type": "card", "card": {"brand": "visa", "case_type": case}},
            "created": now(),
            "livemode": False,
            "status": status,
            "reason": "fraudulent",
        }
        self._book.put("charges", charge | {"disputed": True})
        self._put(dispute, "created")
        if takes:
            self._withdraw(dispute)
        return dispute

    def end(self, dispute_id: str, how: str) -> Document:
        """The bank decides, asks for more, or is asked once more."""
        acts: dict[str, Callable[[Document], None]] = {
            "won": lambda dispute: self._close(dispute, "won"),
            "lost": lambda dispute: self._close(dispute, "lost"),
            "escalate": self._escalate,
            "drop": lambda dispute: self._from(dispute, "warning_closed", "warning_needs_response"),
            "appeal": lambda dispute: self._from(dispute, "appeal_under_review", "lost"),
        }
        dispute = self._acts.objects.find("disputes", dispute_id)
        if how not in acts:
            raise StripeRejectedError(f"A dispute cannot be {how}.")
        acts[how](dispute)
        return dispute

    def _close(self, dispute: Document, status: str) -> None:
        if dispute["status"] not in {"needs_response", "under_review", "appeal_under_review"}:
            raise StripeRejectedError("This dispute waits for no decision.")
        dispute["status"] = status
        self._put(dispute, "closed")
        if status == "won":
            self._move(dispute, taken_by(dispute), "funds_reinstated")

    def _escalate(self, dispute: Document) -> None:
        """Start the dispute, without the amount that was refunded before."""
        charge = self._acts.objects.find("charges", dispute["charge"])
        dispute["amount"] = charge["amount"] - charge["amount_refunded"]
        if not dispute["amount"]:
            raise StripeRejectedError("This charge has been refunded.")
        self._from(dispute, "needs_response", "warning_needs_response")
        self._withdraw(dispute)

    def _withdraw(self, dispute: Document) -> None:
        self._move(dispute, -arriving(dispute["amount"], dispute["currency"]), "funds_withdrawn")

    def _from(self, dispute: Document, status: str, before: str) -> None:
        if dispute["status"] != before:
            raise StripeRejectedError(f"This dispute is {dispute['status']}.")
        dispute["status"] = status
        self._put(dispute, "updated")

    def _move(self, dispute: Document, amount: int, told: str) -> None:
        fee = _FEE if amount < 0 else 0
        balance = balance_transaction("adjustment", dispute["id"], dispute["currency"], amount, fee)
        self._book.put("balance_transactions", balance)
        dispute["balance_transactions"] = [*dispute["balance_transactions"], balance]
        self._put(dispute, told)

    def _put(self, dispute: Document, told: str) -> None:
        self._book.put("disputes", dispute)
        self._acts.emit(f"charge.dispute.{told}", dispute)
