"""The history of a payment, or of a subscription's payments, as text for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from hingecraft.money.model import plain
from hingecraft.payments.history import PaymentHistory
from hingecraft.trail.details import Details

_SENTENCES = {
    "payment_opened": "payment of {price} started with {provider} ({source})",
    "checkout_opened": "{provider} created {providerId} in {ms} ms",
    "wallet_fallback": "the wallet is used instead ({reason})",
    "stripe_session_failed": "{provider} created no checkout: {reason}",
    "checkout_expired": "{provider} never created it, and it is too late to try again: {reason}",
    "payment_restored": "the record was lost here and restored from {provider}: {providerId}",
    "payment_confirmed": "an admin confirmed that {amount} {coin} arrived, {txHash}",
    "settlement_corrected": "the {kind} {ref} is worth {usdAfter} USD instead of {usdBefore}: {reason}",
    "event_applied": "{provider} reported {toldBy}",
    "reconciled": "{provider} was asked again",
    "access_granted": "access was granted by purchase {purchase}",
    "access_ended": "access by purchase {purchase} ended: the payment is {because}",
    "access_restored": "access by purchase {purchase} was restored",
    "access_not_granted": "no access was granted: {because}",
    "refund_asked": "a refund of {amount} {currency} was asked for ({reason}, {reference})",
    "refund_delayed": "Stripe keeps an error for the refund's key, so another key is used later: {because}",
    "refund_answered": "the refund was answered: {status}, {ref}",
    "payment_cancelled": "the payment was cancelled",
    "subscription_cancelled": "the subscription was cancelled at the end of its period",
    "credits_changed": "credits changed",
    "credits_not_granted": "no credits were granted: {because}",
}
# Stripe's reasons for an invoice.
_INVOICES = {
    "subscription_create": "first invoice",
    "subscription_cycle": "renewal",
    "subscription_update": "change of plan",
    "manual": "made by hand",
}


def lines_of(histories: Sequence[PaymentHistory]) -> Iterator[str]:
    """Each payment with what happened, in order; a subscription's payments below its name."""
    subscription = _named_first(histories[0], "subscription")
    if subscription is not None:
        number = f"{len(histories)} payments" if len(histories) > 1 else "1 payment"
        yield f"subscription {subscription}: {number}"
        yield ""
    for place, history in enumerate(histories):
        if place:
            yield ""
        yield from _payment(history)


def _payment(history: PaymentHistory) -> Iterator[str]:
    payment = history.payment
    reason = _named_first(history, "reason")
    what = f" ({_INVOICES.get(reason, reason)})" if reason else ""
    yield f"payment {payment['id']}{what}: {payment['status']}"
    amount = plain(payment["amount"]) if payment["amount"] is not None else "?"
    provider = f"by {payment['provider']}" if payment["provider"] else "no provider yet"
    user = f", of user {payment['user_id']}" if payment["user_id"] else ""
    yield f"  {_price(amount, payment['price_currency'], payment['currency'])}, {provider}{user}"
    yield ""
    for entry in history.entries:
        yield f"{_moment(entry['created_at'])}  {entry['actor']:<12} {sentence(entry)}"
    for checkout in history.checkouts:
        name = "invoice" if checkout["kind"] == "invoice" else "checkout"
        yield f"{name:<8} {checkout['provider']} {checkout['provider_id'] or '(not known)'}: {checkout['status']}"
    for money in history.settlements:
        worth = f", worth {plain(money['usd_amount'])} USD" if money["usd_amount"] is not None else ""
        ref = f"{money['provider']} {money['provider_ref']}"
        reason = f": {money['reason']}" if money["reason"] else ""
        yield f"money    {money['kind']} of {plain(money['amount'])} {money['currency']}{worth} ({ref}){reason}"
        yield f"         settlement {money['id']}"


def _price(amount: str, price_currency: str, currency: str) -> str:
    """The currency that is paid in is named only where it is another one."""
    return f"{amount} {price_currency}" if currency == price_currency else f"{amount} {price_currency} in {currency}"


def _named_first(history: PaymentHistory, name: str) -> str | None:
    """The detail of the first row about an invoice."""
    return next(
        (str(row["details"][name]) for row in history.entries if {"invoice", name} <= row["details"].keys()), None
    )


def sentence(entry: Mapping[str, Any]) -> str:
    """The meaning of a row of the audit log."""
    details: Mapping[str, Any] = entry["details"]
    template = _SENTENCES.get(entry["action"])
    shown = Details(details)
    if "amount" in details and "priceCurrency" in details:
        shown["price"] = _price(details["amount"], details["priceCurrency"], details.get("currency", "?"))
    text = shown.filled(template) if template else entry["action"].replace("_", " ")
    text += "".join(f", {each}" for each in _effects(details))
    return f"{text} [{entry['request_id']}]" if entry["request_id"] else text


def _effects(details: Mapping[str, Any]) -> Iterator[str]:
    if "invoice" in details:
        yield f"invoice {details['invoice']}"
    if "network" in details:
        yield f"on the network {details['network']}"
    if "stands" in details:
        yield f"status at the provider: {details['stands']}"
    for money in details.get("money", ()):
        yield f"{money['kind']} of {money['amount']} {money['currency']}"
    for value in details.get("values", ()):
        yield f"the {value['kind']} is worth {value['usd']} USD"
    for row in details.get("rows", ()):
        yield f"{row['credits']:+d} for {row['reason']} ({row['ref']}), balance {row['balance']}"
    if "to" in details:
        yield f"status changed from {details['from']} to {details['to']}"
    if "mismatch" in details:
        yield f"but the {details['mismatch']} differs from what was requested"


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
