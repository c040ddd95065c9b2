"""Invoices: drafted, finalised, paid or not, in the shape of API version 2026-10-28.endive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hingecraft_sandbox.providers.book import Document, new_id
from hingecraft_sandbox.providers.stripe import shapes
from hingecraft_sandbox.providers.stripe.acts import Acts
from hingecraft_sandbox.providers.stripe.clock import Clock
from hingecraft_sandbox.providers.stripe.forms import StripeRejectedError, checked, required
from hingecraft_sandbox.providers.stripe.lines import page, typed_in
from hingecraft_sandbox.providers.stripe.objects import least_of

KIND = "invoices_of_stripe"
PAYMENTS = "invoice_payments"
ITEMS = "invoiceitems"


class Invoices:
    """Drafts, finalises, charges and voids invoices."""

    def __init__(self, acts: Acts, clock: Clock) -> None:
        self._acts = acts
        self._book = acts.objects.book
        self._clock = clock

    def find(self, invoice_id: str) -> Document:
        """The invoice; an error as Stripe's if there is none."""
        return self._acts.objects.find(KIND, invoice_id)

    def draft(self, head: Document, lines: list[Document], *, reason: str) -> Document:
        """A draft with its lines. The head says customer, currency, parent and period."""
        invoice_id = new_id("in_")[:27]
        if head["parent"] is not None:
            lines = [*lines, *self._pending(head["customer"])]
        subtotal = sum(each["amount"] for each in lines)
        taken = _taken(lines)
        total = subtotal - sum(each["amount"] for each in taken)
        balance = self._balance(head["customer"])
        due = _due(total + balance, head["currency"])
        invoice: Document = {
            "id": invoice_id,
            "object": "invoice",
            **head,
            "amount_due": due,
            "amount_overpaid": 0,
            "amount_paid": 0,
            "amount_remaining": due,
            "amount_shipping": 0,
            "attempt_count": 0,
            "attempted": False,
            "auto_advance": True,
            "billing_reason": reason,
            "collection_method": "charge_automatically",
            "created": self._clock.now(),
            "discounts": sorted({each["discount"] for each in taken}),
            "ending_balance": None,
            "lines": [{**each, "invoice": invoice_id} for each in lines],
            "livemode": False,
            "metadata": {},
            "next_payment_attempt": None,
            "number": None,
            "post_payment_credit_notes_amount": 0,
            "pre_payment_credit_notes_amount": 0,
            "starting_balance": balance,
            "status": "draft",
            "status_transitions": dict.fromkeys(("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")),
            "subtotal": subtotal,
            "total": total,
            "total_discount_amounts": taken,
            "total_taxes": [],
        }
        self._book.put(KIND, invoice)
        self._acts.emit("invoice.created", invoice)
        return invoice

    def add_item(self, raw: Document) -> Document:
        """`POST /v1/invoiceitems`: it waits for the customer's next invoice."""
        params = checked(raw, shapes.INVOICE_ITEM)
        required(params, "customer", "amount", "currency")
        self._acts.objects.find("customers", params["customer"])
        head = {"id": new_id("ii_")[:27], "object": "invoiceitem", "date": self._clock.now(), "invoice": None}
        return self._book.put(ITEMS, {**head, **params})

    def _pending(self, customer: str) -> list[Document]:
        found = self._book.all(ITEMS, lambda each: each["customer"] == customer and each["invoice"] is None)
        for each in found:
            self._book.put(ITEMS, {**each, "invoice": "billed"})
        return [typed_in(each, self._clock.now()) for each in found]

    def _balance(self, customer: str) -> int:
        found: int = (self._book.get("customers", customer) or {}).get("balance", 0)
        return found

    def finalise(self, invoice: Document) -> Document:
        """Open the invoice for payment. Its intent has no metadata and does not name the invoice."""
        if invoice["status"] != "draft":
            raise StripeRejectedError("This invoice is already finalized.")
        left = invoice["total"] + invoice["starting_balance"] - invoice["amount_due"]
        customer = self._book.get("customers", invoice["customer"])
        if customer is not None and left != customer.get("balance", 0):
            self._book.put("customers", customer | {"balance": left})
        number = f"HC-{self._book.count(KIND):04d}"
        invoice |= {"status": "open", "number": number, "ending_balance": left}
        invoice["status_transitions"]["finalized_at"] = self._clock.now()
        self._book.put(KIND, invoice)
        self._acts.emit("invoice.finalized", invoice)
        if invoice["amount_due"]:
            self._promise(invoice)
        return invoice

    def _promise(self, invoice: Document) -> None:
        intent = self._acts.promise(
            amount=invoice["amount_due"], currency=invoice["currency"], livemode=False, customer=invoice["customer"]
        )
        payment: Document = {
            "id": new_id("inpay_")[:30],
            "object": "invoice_payment",
            "amount_paid": None,
            "amount_requested": invoice["amount_due"],
            "created": self._clock.now(),
            "currency": invoice["currency"],
            "invoice": invoice["id"],
            "is_default": True,
            "livemode": False,
            "payment": {"type": "payment_intent", "payment_intent": intent["id"]},
            "status": "open",
            "status_transitions": {"canceled_at": None, "paid_at": None},
        }
        self._book.put(PAYMENTS, payment)

    def pay(self, invoice: Document, *, works: bool = True) -> Document:
        """Try to pay an open invoice; the card works or is declined."""
        if invoice["status"] == "draft":
            self.finalise(invoice)
        if invoice["status"] not in {"open", "uncollectible"}:
            raise StripeRejectedError(f"Invoice is already {invoice['status']}.")
        payment = self.payment_of(invoice["id"])
        invoice |= {"attempted": True, "attempt_count": invoice["attempt_count"] + (1 if payment else 0)}
        if payment is None or self._charged(invoice, payment, works=works):
            return self._paid(invoice, payment)
        self._book.put(KIND, invoice)
        self._acts.emit("invoice.payment_failed", invoice)
        return invoice

    def pay_part(self, invoice: Document, amount: int) -> Document:
        """A part is paid by itself, such as by a bank transfer: the invoice stays open for the rest."""
        if invoice["status"] != "open" or not 0 < amount < invoice["amount_remaining"]:
            raise StripeRejectedError("Only a part of an open invoice can be paid like that.")
        rest = self.payment_of(invoice["id"])
        assert rest is not None, "an open invoice has a payment to come"
        intent = self._acts.charge(
            amount=amount, currency=invoice["currency"], livemode=False, metadata={}, customer=invoice["customer"]
        )
        paid = {"payment": {"type": "payment_intent", "payment_intent": intent["id"]}, "is_default": False}
        paid |= {"id": new_id("inpay_")[:30], "amount_requested": amount, "amount_paid": amount, "status": "paid"}
        self._book.put(PAYMENTS, rest | paid)
        left = invoice["amount_remaining"] - amount
        self._book.put(PAYMENTS, rest | {"amount_requested": left})
        invoice |= {"amount_paid": invoice["amount_paid"] + amount, "amount_remaining": left}
        self._acts.emit("invoice_payment.paid", rest | paid)
        return self._book.put(KIND, invoice)

    def _charged(self, invoice: Document, payment: Document, *, works: bool) -> bool:
        intent = self._acts.charge(
            amount=invoice["amount_remaining"],
            currency=invoice["currency"],
            livemode=False,
            metadata={},
            intent_id=payment["payment"]["payment_intent"],
            customer=invoice["customer"],
            paid=works,
        )
        return bool(intent["status"] == "succeeded")

    def settle(self, invoice: Document) -> Document:
        """Mark the invoice as paid, without a payment: nothing is left to pay."""
        return self._paid(invoice, None)

    def _paid(self, invoice: Document, payment: Document | None) -> Document:
        now = self._clock.now()
        due, rest = invoice["amount_due"], invoice["amount_remaining"]
        invoice |= {"status": "paid", "amount_paid": due, "amount_remaining": 0, "next_payment_attempt": None}
        invoice["auto_advance"] = False
        invoice["status_transitions"]["paid_at"] = now
        self._book.put(KIND, invoice)
        self._acts.emit("invoice.paid", invoice)
        self._acts.emit("invoice.payment_succeeded", invoice)
        if payment is not None:
            payment |= {"status": "paid", "amount_paid": rest}
            payment["status_transitions"]["paid_at"] = now
            self._book.put(PAYMENTS, payment)
            self._acts.emit("invoice_payment.paid", payment)
        return invoice

    def void_by_hand(self, invoice_id: str, raw: Document) -> Document:
        """`POST /v1/invoices/{id}/void`."""
        checked(raw, shapes.READ)
        return self.void(self.find(invoice_id))

    def void(self, invoice: Document) -> Document:
        """Void the invoice: neither it nor its intent can be paid any more."""
        self._closed(invoice, "void", "voided")
        payment = self.payment_of(invoice["id"])
        if payment is not None:
            payment |= {"status": "canceled"}
            payment["status_transitions"]["canceled_at"] = self._clock.now()
            self._book.put(PAYMENTS, payment)
            intent = self._acts.objects.find("payment_intents", payment["payment"]["payment_intent"])
            self._acts.cancel_intent(intent, "void_invoice")
        return invoice

    def write_off(self, invoice: Document) -> Document:
        """Mark the invoice as uncollectible."""
        return self._closed(invoice, "uncollectible", "marked_uncollectible")

    def _closed(self, invoice: Document, status: str, told: str) -> Document:
        if invoice["status"] not in {"open", "uncollectible"}:
            raise StripeRejectedError(f"This invoice is {invoice['status']}.")
        invoice |= {"status": status, "next_payment_attempt": None}
        invoice["status_transitions"][f"{told}_at"] = self._clock.now()
        self._book.put(KIND, invoice)
        self._acts.emit(f"invoice.{told}", invoice)
        return invoice

    def payment_of(self, invoice_id: str) -> Document | None:
        """The invoice's default payment; one whose amount is zero has none."""
        mine = self._book.all(PAYMENTS, lambda each: each["invoice"] == invoice_id and each["is_default"])
        return next(iter(mine), None)

    def lines(self, path: Mapping[str, str], raw: Document) -> Document:
        """`GET /v1/invoices/{id}/lines`: page by page."""
        params = checked(raw, shapes.PAGE)
        return page(f"/v1/invoices/{path['id']}/lines", self.find(path["id"])["lines"], params)


def _due(amount: int, currency: str) -> int:
    """An amount below Stripe's minimum is not charged: the next invoice includes it."""
    return amount if amount >= least_of(currency) else 0


def _taken(lines: list[Document]) -> list[dict[str, Any]]:
    totals: dict[str, int] = {}
    for each in lines:
        for discount in each["discount_amounts"]:
            totals[discount["discount"]] = totals.get(discount["discount"], 0) + discount["amount"]
    return [{"discount": discount, "amount": amount} for discount, amount in totals.items()]
