"""Asks Stripe about checkouts, invoices, refunds and disputes. Pure except for the ports that it calls."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hingecraft.errors import ForeignError
from hingecraft.providers.findings import CheckoutStatus, Finding, Price, UnreadableError
from hingecraft.providers.port import ProviderMissingError
from hingecraft.providers.stripe.intents import balance_of, charged_at, is_checkout
from hingecraft.providers.stripe.invoices import has_failed, intents_of, lines_of_session
from hingecraft.providers.stripe.ports import Checkouts, Document
from hingecraft.providers.stripe.reading import StripeReader, worth_of

_DOLLARS = "usd"
_INTENT, _SUBSCRIPTION = "pi_", "sub_"
_FIRST = "subscription_create"
_NO_CHECKOUT = "its payment does not belong to a checkout"


class StripeAsking:
    """Turns Stripe's answers into findings."""

    def __init__(self, stripe: Checkouts, reader: StripeReader) -> None:
        self._sessions = stripe.sessions
        self._intents = stripe.intents
        self._subscriptions = stripe.subscriptions
        self._disputes = stripe.disputes
        self._invoices = stripe.invoices
        self._refunds = stripe.refunds
        self._reader = reader

    async def again(self, finding: Finding) -> list[Finding]:
        """Stripe's current report; first the checkout of the money, if we have not heard of it.

        A session or dispute that Stripe does not know is asked for again later: its event was signed, so it does exist.
        """
        if finding.invoice_id is not None:
            return [await self.of_invoice(finding.invoice_id, told_by=finding.told_by)]
        if finding.checkout_id is not None:
            return [await self.of_checkout(finding.checkout_id, told_by=finding.told_by)]
        assert finding.charge is not None, "an event names its session, its invoice or its intent"
        paid = await self._paid_with(finding.charge, told_by=finding.told_by)
        followed = await self._what_followed(finding)
        charge = next((money for money in paid.money if money.kind == "charge"), None)
        came = Price(amount=charge.amount, currency=charge.currency) if charge is not None else None
        # Its charge names an old payment only to Stripe: the books know that payment by its session.
        return [
            replace(paid, went_back=any(money.amount < 0 for each in followed for money in each.money)),
            *(
                replace(each, payment_id=paid.payment_id, checkout_id=paid.checkout_id, came=came, fresh=True)
                for each in followed
            ),
        ]

    async def _what_followed(self, finding: Finding) -> list[Finding]:
        """A refund or a dispute, or all refunds; the charge itself is told by its session."""
        if finding.has_refunds and finding.charge is not None:
            return [
                self._reader.of_refund(each, told_by=finding.told_by, livemode=finding.livemode)
                for each in await self._refunds.of_intent(finding.charge)
            ]
        if finding.must_ask and finding.dispute is not None:
            return [await self._dispute_of(finding.dispute, finding)]
        return [finding]

    async def _dispute_of(self, dispute_id: str, finding: Finding) -> Finding:
        dispute = await self._disputes.retrieve(dispute_id)
        if not isinstance(dispute.get("balance_transactions"), list):
            raise UnreadableError("the dispute names no balance transactions")
        return self._reader.of_dispute(dispute, told_by=finding.told_by, livemode=finding.livemode)

    async def _paid_with(self, intent_id: str, *, told_by: str) -> Finding:
        """The session or invoice that a PaymentIntent paid, or the intent if it is the checkout itself."""
        session = await self._sessions.of_intent(intent_id)
        if session is not None:
            return await self._of_session(session, told_by)
        invoice_id = await self._invoices.of_intent(intent_id)
        if invoice_id is not None:
            return await self.of_invoice(invoice_id, told_by=told_by)
        return await self._of_own_intent(intent_id, told_by)

    async def _of_own_intent(self, intent_id: str, told_by: str) -> Finding:
        """The intent that is a checkout itself; raises ForeignError for any other."""
        try:
            intent = await self._intents.retrieve(intent_id)
        except ProviderMissingError:
            raise ForeignError(_NO_CHECKOUT) from None
        if not is_checkout(intent):
            raise ForeignError(_NO_CHECKOUT)
        return self._of_intent(intent, told_by)

    async def of_checkout(self, checkout_id: str, *, told_by: str) -> Finding:
        """A session or intent with what its money is worth; raises ProviderMissingError where Stripe lacks it."""
        if checkout_id.startswith(_INTENT):
            return self._of_intent(await self._intents.retrieve(checkout_id), told_by)
        if checkout_id.startswith(_SUBSCRIPTION):
            return await self._of_subscription(await self._subscriptions.retrieve(checkout_id), told_by)
        return await self._of_session(await self._sessions.retrieve(checkout_id), told_by)

    async def _of_subscription(self, subscription: Document, told_by: str) -> Finding:
        """Its first invoice says whether it was paid."""
        subscription_id, latest = str(subscription["id"]), subscription["latest_invoice"]
        first = str(latest["id"])
        if latest["billing_reason"] != _FIRST:
            begun = datetime.fromtimestamp(subscription["created"], UTC)
            async for invoice in self._subscriptions.paid_invoices(subscription_id, begun):
                if invoice["billing_reason"] == _FIRST:
                    first = str(invoice["id"])
        found = await self.of_invoice(first, told_by=told_by)
        return replace(found, checkout_id=subscription_id)

    def _of_intent(self, intent: Document, told_by: str) -> Finding:
        worth = worth_of(balance_of(intent))
        return self._reader.intents.read(intent, told_by=told_by, fresh=True, worth=worth, paid_at=charged_at(intent))

    async def _of_session(self, session: Document, told_by: str) -> Finding:
        """Its lines are read for a customer: a guest's session has nothing that anybody needs them for."""
        found = self._reader.of_session(session, told_by=told_by, fresh=True)
        if found.invoice_id is not None:
            return await self.of_invoice(found.invoice_id, told_by=told_by)
        if (
            session.get("mode") == "subscription"
            and found.checkout_status is CheckoutStatus.OPEN
            and session.get("invoice")
        ):
            return await self._of_unpaid(str(session["invoice"]), found)
        if found.customer is None or found.checkout_status is not CheckoutStatus.PAID:
            return found
        return replace(found, lines=lines_of_session(await self._sessions.lines(str(session["id"]))))

    async def _of_unpaid(self, invoice_id: str, found: Finding) -> Finding:
        """A subscription's session stays unpaid whatever becomes of a delayed payment: its first invoice says."""
        invoice = await self._invoices.retrieve(invoice_id)
        if invoice["status"] == "paid":
            return await self._read_invoice(invoice, found.told_by)
        return replace(found, checkout_status=CheckoutStatus.FAILED) if has_failed(invoice) else found

    async def of_invoice(self, invoice_id: str, *, told_by: str) -> Finding:
        """One invoice, with what its money is worth where it is not in dollars."""
        return await self._read_invoice(await self._invoices.retrieve(invoice_id), told_by)

    async def _read_invoice(self, invoice: Document, told_by: str) -> Finding:
        worths: dict[str, Price] = {}
        for intent in intents_of(invoice) if invoice["currency"] != _DOLLARS else ():
            worth = worth_of(await self._invoices.balance_of(intent))
            if worth is not None:
                worths[intent] = worth
        return self._reader.invoices.of_invoice(invoice, worths, told_by=told_by)
