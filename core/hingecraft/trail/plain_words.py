"""The meaning of a row of a payment's audit log in plain words, for the owner of a site. Pure.

`hingecraft trail` shows the same rows with the codes that engineers search for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hingecraft.payments.model import Status
from hingecraft.trail.details import Details

_NAMES = {"stripe": "Stripe", "nowpayments": "NOWPayments", "wallet": "the wallet"}
# What a provider's message says, by its type; NOWPayments' have the status of the payment there.
MESSAGES: Mapping[str, str] = {
    "checkout.session.completed": "The payer completed Stripe's payment page.",
    "checkout.session.async_payment_succeeded": "The payer's bank sent the money.",
    "checkout.session.async_payment_failed": "The payer's bank did not send the money.",
    "checkout.session.expired": "Stripe closed its payment page, because nobody paid in time.",
    "payment_intent.succeeded": "Stripe accepted the payment.",
    "payment_intent.payment_failed": "An attempt to pay was declined.",
    "payment_intent.canceled": "Stripe cancelled the payment.",
    "charge.updated": "Stripe reported what the payment is worth.",
    "refund.created": "Stripe started a refund.",
    "refund.updated": "Stripe reported on a refund.",
    "refund.failed": "Stripe could not refund the payer.",
    "charge.refunded": "Stripe refunded the payer.",
    "charge.refund.updated": "Stripe reported on a refund.",
    "charge.dispute.created": "The payer's bank disputes the payment.",
    "charge.dispute.updated": "Stripe reported on the dispute.",
    "charge.dispute.funds_withdrawn": "Stripe took the disputed money out of your account.",
    "charge.dispute.funds_reinstated": "Stripe put the disputed money back into your account.",
    "charge.dispute.closed": "The dispute was closed.",
    "invoice.paid": "The invoice was paid.",
    "invoice.payment_succeeded": "The invoice was paid.",
    "invoice.voided": "The invoice was cancelled at Stripe.",
    "invoice.marked_uncollectible": "Stripe does not expect the invoice to be paid.",
    "ipn waiting": "NOWPayments is waiting for the coins.",
    "ipn confirming": "NOWPayments saw the coins, and is waiting for the network to confirm them.",
    "ipn confirmed": "The network confirmed the coins.",
    "ipn sending": "NOWPayments is sending the coins to you.",
    "ipn partially_paid": "Fewer coins arrived than were asked for.",
    "ipn finished": "NOWPayments received the coins.",
    "ipn failed": "NOWPayments could not complete the payment.",
    "ipn expired": "Nobody sent coins in time.",
    "ipn refunded": "NOWPayments sent the coins back.",
    "the payer's return": "The payer came back from Stripe's payment page.",
}
# By the action of a row; braces are filled with its details.
_ACTIONS: Mapping[str, str] = {
    "checkout_opened": "{provider} prepared the payment page.",
    "wallet_fallback": "The payer was shown the wallet's address instead.",
    "stripe_session_failed": "{provider} could not prepare a payment page: {reason}.",
    "checkout_expired": "{provider} never prepared a payment page, and it is too late to try again: {reason}.",
    "payment_restored": "This record was lost, and was restored from {provider}.",
    "payment_confirmed": "An administrator confirmed that {amount} {coin} arrived.",
    "settlement_corrected": "An administrator corrected the value to {usdAfter} USD: {reason}.",
    "event_applied": "{provider} reported on the payment.",
    "refund_delayed": "Stripe could not make the refund, and is asked again later: {because}.",
    "reconciled": "{provider} was asked how the payment stands.",
    "access_granted": "The buyer got access.",
    "access_ended": "The buyer's access ended: the payment is {because}.",
    "access_restored": "The buyer's access was restored.",
    "access_not_granted": "The buyer got no access: {because}.",
    "payment_cancelled": "The payment was cancelled.",
    "subscription_cancelled": "The subscription was cancelled, and ends with its period.",
    "credits_changed": "The user's credits changed.",
    "credits_not_granted": "The user got no credits: {because}.",
}
_REASONS = {
    "requested_by_customer": "the payer asked for it",
    "duplicate": "it was paid twice",
    "fraudulent": "it looks like fraud",
}
_REFUNDS = {
    "pending": "Stripe accepted the refund, and the payer's bank has not confirmed it yet.",
    "succeeded": "Stripe accepted the refund.",
}
# The badges of the dashboard have the same words.
_STATUSES: Mapping[str, str] = {
    Status.CREATING: "being created",
    Status.PENDING: "open",
    Status.AWAITING_CONFIRMATION: "to be confirmed",
    Status.COMPLETED: "paid",
    Status.FAILED: "failed",
    Status.EXPIRED: "expired",
    Status.UNKNOWN: "unknown",
    Status.ERROR: "to be looked at",
    Status.PARTIALLY_REFUNDED: "partly refunded",
    Status.REFUNDED: "refunded",
    Status.DISPUTED: "disputed",
}
_MOVED: Mapping[str, str] = {
    "charge": "{} came in.",
    "refund": "{} went back to the payer.",
    "refund_reversal": "{} came back, because a refund failed.",
    "dispute": "{} was taken back by the payer's bank.",
    "dispute_reversal": "{} was returned by the payer's bank.",
}


def in_plain_words(entry: Mapping[str, Any]) -> str:
    """One or several sentences."""
    details: Mapping[str, Any] = entry["details"]
    return " ".join((_happened(entry["action"], details), *_effects(details)))


def _happened(action: str, details: Mapping[str, Any]) -> str:
    told_by = MESSAGES.get(details.get("toldBy", ""))
    if action in ("event_applied", "reconciled") and told_by is not None:
        return told_by
    if action == "payment_opened":
        return _opened(details)
    if action == "refund_asked":
        return _refund_asked(details)
    if action == "refund_answered":
        return _REFUNDS.get(details.get("status", "")) or f"The refund failed: {_words(details.get('because') or '?')}."
    template = _ACTIONS.get(action)
    return _Details(details).filled(template) if template else f"{_words(action).capitalize()}."


def _opened(details: Mapping[str, Any]) -> str:
    price, paid_in = details.get("priceCurrency"), details.get("currency")
    if "amount" not in details or price is None:
        return "A payment was started."
    in_coins = f", to be paid in {paid_in}," if paid_in not in (price, None) else ""
    return _Details(details).filled(
        "A payment of {amount} {priceCurrency}" + in_coins + " was started with {provider}."
    )


def _refund_asked(details: Mapping[str, Any]) -> str:
    reason = _REASONS.get(details.get("reason", ""), "no reason was given")
    note = f" Note: {details['note']}" if details.get("note") else ""
    return _Details(details).filled(f"A refund of {{amount}} {{currency}} was asked for: {reason}.") + note


def _effects(details: Mapping[str, Any]) -> Iterator[str]:
    if details.get("declined"):
        yield f"Reason: {_words(details['declined'])}."
    if details.get("network"):
        yield f"The network is {details['network']}."
    for money in details.get("money", ()):
        amount = f"{str(money['amount']).removeprefix('-')} {money['currency']}"
        yield _MOVED.get(money["kind"], "{} was recorded.").format(amount)
    for value in details.get("values", ()):
        yield f"That is worth {str(value['usd']).removeprefix('-')} USD."
    for row in details.get("rows", ()):
        yield f"{row['credits']:+d} credits ({_words(row['reason'])}); the balance is {row['balance']}."
    if "to" in details:
        yield f"The payment is now {_STATUSES.get(details['to'], details['to'])}."
    if "mismatch" in details:
        yield f"The {details['mismatch']} differs from what was asked for."


def _words(code: str) -> str:
    return code.replace("_", " ")


class _Details(Details):
    """With providers' names as they write them."""

    def __init__(self, details: Mapping[str, Any]) -> None:
        super().__init__(details)
        if "provider" in self:
            self["provider"] = _NAMES.get(self["provider"], self["provider"])

    def __missing__(self, name: str) -> str:
        return "the provider" if name == "provider" else super().__missing__(name)
