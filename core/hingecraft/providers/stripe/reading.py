"""Reads Stripe's events and objects into findings. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from hingecraft.errors import ForeignError, RejectedError
from hingecraft.money.minor_units import from_stripe
from hingecraft.money.model import Currency
from hingecraft.providers.findings import CheckoutStatus, Finding, Money, Price, StandingLink, UnreadableError
from hingecraft.providers.stripe import NAME, invoices
from hingecraft.providers.stripe.disputes import DisputeReader, says_all
from hingecraft.providers.stripe.intents import IntentReader, is_checkout, moment_of
from hingecraft.providers.stripe.invoices import InvoiceReader
from hingecraft.providers.stripe.metadata import MARK, PAYMENT, USER, origin_of, uuid_or_none

Document = Mapping[str, Any]
CurrencyOf = Callable[[str], Currency]

# All of Stripe's events that are read here.
EVENT_TYPES = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "charge.updated",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.refunded",
    "charge.refund.updated",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "charge.dispute.closed",
    *invoices.EVENT_TYPES,
)
_SESSIONS = "checkout.session."
_INTENTS = "payment_intent."
# The second is their name in API versions that report new ones only by `charge.refunded`.
_REFUNDS = ("refund.", "charge.refund.")
# The API version since which each refund has events of its own.
_REFUNDS_ARE_TOLD = "2024-10-28"
_DISPUTES = "charge.dispute."
_REFUNDED = "charge.refunded"
_CHARGES = frozenset({"charge.updated", _REFUNDED})
_SUBSCRIPTION = "subscription"
_NOT_OURS = "it carries neither our reference nor our link"
_UNDONE_REFUNDS = frozenset({"failed", "canceled"})
_MONEY_LEFT = frozenset({"pending", "succeeded"})


class StripeReader:
    """Reads Stripe's objects; `currency_of` knows each currency's smallest unit."""

    def __init__(self, currency_of: CurrencyOf) -> None:
        self._currency_of = currency_of
        self._disputes = DisputeReader(self._price_in, currency_of)
        self.invoices = InvoiceReader(self._price_in)
        self.intents = IntentReader(self._price_in)

    def of_event(self, event: Document) -> Finding:
        """An event's findings; raises ForeignError if it is certainly not ours."""
        if event.get("account"):
            raise ForeignError(f"it happened in a connected account ({event['account']})")
        try:
            return self._of_event(event)
        except (RejectedError, UnreadableError) as error:
            return _without_money(event, error)

    def _of_event(self, event: Document) -> Finding:
        kind, livemode = str(event["type"]), bool(event["livemode"])
        subject: Document = event["data"]["object"]
        if kind.startswith(_SESSIONS):
            failed = kind == "checkout.session.async_payment_failed"
            return self.of_session(subject, told_by=kind, checkout_status=CheckoutStatus.FAILED if failed else None)
        if kind.startswith(_INTENTS):
            return self._of_intent(subject, kind, moment_of(event.get("created")))
        if kind.startswith(_REFUNDS):
            return self.of_refund(subject, told_by=kind, livemode=livemode)
        if kind in _CHARGES:
            return _of_refunded(event) if kind == _REFUNDED else _of_charge(subject)
        if kind.startswith(_DISPUTES):
            return self.of_dispute(subject, told_by=kind, livemode=livemode)
        if kind in invoices.EVENT_TYPES:
            return self.invoices.of_event(subject, told_by=kind)
        raise ForeignError(f"nothing here reads {kind}")

    def of_session(
        self, session: Document, *, told_by: str, checkout_status: CheckoutStatus | None = None, fresh: bool = False
    ) -> Finding:
        """A Checkout Session, of one payer or of somebody who came through a Payment Link."""
        ours, mode = _reference(session) is not None, session.get("mode", "payment")
        if mode != "payment" and not (ours and mode == _SUBSCRIPTION):
            raise ForeignError("it is not a payment but a subscription or a setup")
        if not fresh and not ours and not session.get("payment_link") and not session.get("customer"):
            raise ForeignError(_NOT_OURS)
        try:
            if mode == _SUBSCRIPTION and _checkout_status(session) is CheckoutStatus.PAID:
                return _of_subscription(session, told_by)
            return self._of_session(session, told_by, checkout_status, fresh=fresh)
        except (RejectedError, UnreadableError) as error:
            return _session_without_money(session, told_by, error, fresh=fresh)

    def _of_session(
        self, session: Document, told_by: str, checkout_status: CheckoutStatus | None, *, fresh: bool
    ) -> Finding:
        link = _id_of(session.get("payment_link"))
        # Anyone who opens a Payment Link may write any reference into its address.
        payment_id = None if link else _reference(session)
        checkout_status = checkout_status or _checkout_status(session)
        charge = _id_of(session.get("payment_intent"))
        currency = str(session["currency"]).upper()
        paid = self._price(session["amount_total"], currency)
        money = Money(kind="charge", ref=charge or "", amount=paid.amount, currency=currency, worth=_worth(session))
        subtotal = session.get("amount_subtotal")
        return Finding(
            provider=NAME,
            livemode=bool(session["livemode"]),
            told_by=told_by,
            payment_id=payment_id,
            **origin_of(session),
            checkout_id=str(session["id"]),
            only_checkout=payment_id is not None,
            link_id=link,
            link=_link(session.get("payment_link")),
            customer=_id_of(session.get("customer")),
            charge=charge,
            checkout_status=checkout_status,
            price=self._price(session["amount_total"] if subtotal is None else subtotal, currency),
            money=(money,) if checkout_status is CheckoutStatus.PAID and charge and paid.amount else (),
            fresh=fresh,
            worth_is_known=_balance(session) is not None,
            details={"checkout": session["id"], "paymentStatus": session.get("payment_status")},
        )

    def _of_intent(self, intent: Document, kind: str, told_at: datetime | None) -> Finding:
        """Only a row in the history of a session's payment: its money is booked by the session, our checkout."""
        if is_checkout(intent):
            return self.intents.read(intent, told_by=kind, paid_at=told_at)
        payment_id, link = _reference(intent), _mark(intent)
        if payment_id is None and link is None:
            raise ForeignError(_NOT_OURS)
        error = intent.get("last_payment_error") or {}
        return Finding(
            provider=NAME,
            livemode=bool(intent["livemode"]),
            told_by=kind,
            payment_id=payment_id,
            **origin_of(intent),
            charge=str(intent["id"]),
            more_follows=kind == "payment_intent.succeeded",
            details={"intent": intent["id"], **({"declined": error.get("code")} if error else {})},
        )

    def of_refund(self, refund: Document, *, told_by: str, livemode: bool) -> Finding:
        """A refund; if it failed, a second movement reverses the first, in either order of the events."""
        refund_id, status = str(refund["id"]), refund.get("status")
        price = self._price(refund["amount"], str(refund["currency"]).upper())
        back = Money(kind="refund", ref=refund_id, amount=-price.amount, currency=price.currency)
        undone = Money(kind="refund_reversal", ref=refund_id, amount=price.amount, currency=price.currency)
        money: tuple[Money, ...] = (back,) if status in _MONEY_LEFT else ()
        return Finding(
            provider=NAME,
            livemode=livemode,
            told_by=told_by,
            charge=_intent_of(refund),
            money=(back, undone) if status in _UNDONE_REFUNDS else money,
            details={"refund": refund_id, "refundStatus": status},
        )

    def of_dispute(self, dispute: Document, *, told_by: str, livemode: bool) -> Finding:
        """Money that a bank has taken back, and perhaps given again; what an event does not say is asked."""
        return Finding(
            provider=NAME,
            livemode=livemode,
            told_by=told_by,
            charge=_intent_of(dispute),
            money=self._disputes.moved(dispute),
            must_ask=not says_all(dispute),
            dispute=str(dispute["id"]),
            details={"dispute": str(dispute["id"]), "disputeStatus": str(dispute.get("status"))},
        )

    def _price_in(self, units: object, currency: object) -> Price:
        return self._price(units, str(currency).upper())

    def _price(self, units: object, currency: str) -> Price:
        if isinstance(units, bool) or not isinstance(units, int):
            raise UnreadableError("an amount is not a whole number")
        return Price(amount=from_stripe(units, self._currency_of(currency)), currency=currency)


def _without_money(event: Document, error: Exception) -> Finding:
    """Enough of an intent, refund or dispute to tell whose it is."""
    kind, subject = str(event["type"]), event["data"]["object"]
    is_intent = kind.startswith(_INTENTS)
    return Finding(
        provider=NAME,
        livemode=bool(event["livemode"]),
        told_by=kind,
        payment_id=_reference(subject) if is_intent else None,
        **origin_of(subject),
        charge=str(subject["id"]) if is_intent else _intent_of(subject),
        unreadable=str(error),
    )


def _session_without_money(session: Document, told_by: str, error: Exception, *, fresh: bool) -> Finding:
    link = _id_of(session.get("payment_link"))
    return Finding(
        provider=NAME,
        livemode=bool(session["livemode"]),
        told_by=told_by,
        payment_id=None if link else _reference(session),
        **origin_of(session),
        checkout_id=str(session["id"]),
        link_id=link,
        link=_link(session.get("payment_link")),
        charge=_id_of(session.get("payment_intent")),
        fresh=fresh,
        unreadable=str(error),
    )


def _of_subscription(session: Document, told_by: str) -> Finding:
    """A subscription was paid for: its first invoice says with what."""
    return Finding(
        provider=NAME,
        livemode=bool(session["livemode"]),
        told_by=told_by,
        payment_id=_reference(session),
        **origin_of(session),
        checkout_id=str(session["id"]),
        only_checkout=True,
        customer=_id_of(session.get("customer")),
        invoice_id=_id_of(session.get("invoice")),
        details={"checkout": session["id"], "paymentStatus": session.get("payment_status")},
    )


def _of_charge(charge: Document) -> Finding:
    """Stripe makes the balance transaction some seconds after the payment; this event says that it is there."""
    if _reference(charge) is None and _mark(charge) is None:
        raise ForeignError(_NOT_OURS)
    if not charge.get("balance_transaction"):
        raise ForeignError("it does not say what the payment is worth")
    return Finding(
        provider=NAME,
        livemode=bool(charge["livemode"]),
        told_by="charge.updated",
        charge=_intent_of(charge),
        worth_is_known=True,
        details={"charge": charge["id"]},
    )


def _of_refunded(event: Document) -> Finding:
    """A charge says only how much of it was refunded in all, so its refunds are listed."""
    if str(event.get("api_version") or "") >= _REFUNDS_ARE_TOLD:
        raise ForeignError("the refund's own event tells the same")
    charge = event["data"]["object"]
    return Finding(
        provider=NAME,
        livemode=bool(charge["livemode"]),
        told_by=_REFUNDED,
        charge=_intent_of(charge),
        must_ask=True,
        has_refunds=True,
        details={"charge": charge["id"]},
    )


def _checkout_status(session: Document) -> CheckoutStatus:
    if session.get("status") == "expired":
        return CheckoutStatus.EXPIRED
    if session.get("status") == "complete" and session.get("payment_status") != "unpaid":
        return CheckoutStatus.PAID
    intent = session.get("payment_intent")
    # The session itself stays complete and unpaid.
    given_up = isinstance(intent, Mapping) and intent.get("status") in invoices.GIVEN_UP
    return CheckoutStatus.FAILED if session.get("status") == "complete" and given_up else CheckoutStatus.OPEN


def _reference(document: Document) -> UUID | None:
    """Our payment id. A session's own reference must agree: it is the payment, or the user whose payment it is."""
    metadata = document.get("metadata") or {}
    named = metadata.get(PAYMENT)
    if document.get("object") == "checkout.session":
        said = document.get("client_reference_id")
        if said is None or said not in {named, metadata.get(USER)}:
            return None
    return uuid_or_none(named)


def _mark(document: Document) -> str | None:
    mark = (document.get("metadata") or {}).get(MARK)
    return str(mark) if mark else None


def _link(link: object) -> StandingLink | None:
    """The Payment Link, where it was asked for with the session."""
    if not isinstance(link, Mapping):
        return None
    metadata = link.get("metadata") or {}
    return StandingLink(
        id=str(link["id"]), url=str(link["url"]), key=_mark(link), installation=metadata.get("installation")
    )


def _id_of(value: object) -> str | None:
    """An id, or the object itself where it was expanded."""
    if isinstance(value, Mapping):
        value = value.get("id")
    return str(value) if value else None


def _intent_of(document: Document) -> str:
    intent = _id_of(document.get("payment_intent"))
    if intent is None:
        raise ForeignError("it belongs to no PaymentIntent")
    return intent


def _worth(session: Document) -> Price | None:
    """The amount that arrived in our balance, if it is in dollars."""
    return worth_of(_balance(session))


def worth_of(balance: Document | None) -> Price | None:
    """The amount of a balance transaction, if it is in dollars."""
    if balance is None or str(balance.get("currency")).upper() != "USD":
        return None
    return Price(amount=Decimal(int(balance["amount"])).scaleb(-2), currency="USD")


def _balance(session: Document) -> Document | None:
    """The balance transaction; only a session that was asked for with it has it, and not in its first seconds."""
    place: Any = session
    for name in ("payment_intent", "latest_charge", "balance_transaction"):
        place = place.get(name) if isinstance(place, Mapping) else None
    return place if isinstance(place, Mapping) else None
