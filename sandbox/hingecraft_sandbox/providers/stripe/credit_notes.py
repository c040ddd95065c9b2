"""Credit notes: before the payment an invoice gets cheaper, afterwards money goes back or to the customer's balance."""

from __future__ import annotations

from hingecraft_sandbox.providers.book import Document, new_id
from hingecraft_sandbox.providers.stripe import shapes
from hingecraft_sandbox.providers.stripe.acts import Acts
from hingecraft_sandbox.providers.stripe.forms import StripeRejectedError, checked, required
from hingecraft_sandbox.providers.stripe.invoices import KIND, Invoices


class CreditNotes:
    """`POST /v1/credit_notes`."""

    def __init__(self, acts: Acts, invoices: Invoices) -> None:
        self._acts = acts
        self._book = acts.objects.book
        self._invoices = invoices

    def make(self, raw: Document) -> Document:
        """For an open or a paid invoice."""
        params = checked(raw, shapes.CREDIT_NOTE)
        required(params, "invoice", "amount")
        invoice = self._invoices.find(params["invoice"])
        note: Document = {"id": new_id("cn_")[:27], "object": "credit_note", "livemode": False, "refunds": [], **params}
        if invoice["status"] == "open":
            self._before_payment(invoice, params["amount"])
        elif invoice["status"] == "paid":
            note["refunds"] = self._after_payment(invoice, params)
        else:
            raise StripeRejectedError("Credit notes are for open and paid invoices.", param="invoice")
        self._book.put("credit_notes", note)
        self._acts.emit("credit_note.created", note)
        return note

    def _before_payment(self, invoice: Document, amount: int) -> None:
        if amount > invoice["amount_remaining"]:
            raise StripeRejectedError("The amount is larger than what remains of the invoice.", param="amount")
        for name in ("amount_due", "amount_remaining"):
            invoice[name] -= amount
        invoice["pre_payment_credit_notes_amount"] += amount
        self._book.put(KIND, invoice)
        if not invoice["amount_remaining"]:
            self._invoices.settle(invoice)

    def _after_payment(self, invoice: Document, params: Document) -> list[Document]:
        refunded, credited = params.get("refund_amount", 0), params.get("credit_amount", 0)
        if refunded + credited != params["amount"]:
            raise StripeRejectedError("Say how much is refunded and how much goes to the balance.", param="amount")
        invoice["post_payment_credit_notes_amount"] += params["amount"]
        self._book.put(KIND, invoice)
        if credited:
            customer = self._acts.objects.find("customers", invoice["customer"])
            self._book.put("customers", customer | {"balance": customer.get("balance", 0) - credited})
        payment = self._invoices.payment_of(invoice["id"])
        if not refunded or payment is None:
            return []
        made = self._acts.refund({"payment_intent": payment["payment"]["payment_intent"], "amount": refunded})
        return [{"refund": made["id"], "amount_refunded": refunded}]
