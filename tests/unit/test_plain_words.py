"""The history of a payment as a site's owner reads it: plain words without codes."""

from __future__ import annotations

import re

import pytest

from hingecraft.payments.model import Status
from hingecraft.providers.stripe.reading import EVENT_TYPES
from hingecraft.trail.plain_words import MESSAGES, in_plain_words

# A code, such as `checkout.session.completed` or `partially_refunded`; not the end of a sentence or an amount.
CODE = re.compile(r"[a-z][._][a-z]")
# What NOWPayments calls the states of a payment.
IPNS = ("waiting", "confirming", "confirmed", "sending", "partially_paid", "finished", "failed", "expired", "refunded")


def told(action, **details):
    return in_plain_words({"action": action, "details": details, "request_id": "evt_1"})


@pytest.mark.parametrize("told_by", [*EVENT_TYPES, *(f"ipn {status}" for status in IPNS), "the payer's return"])
def test_every_message_of_a_provider_has_words(told_by):
    assert told("event_applied", toldBy=told_by, provider="stripe") == MESSAGES[told_by]
    assert not CODE.search(MESSAGES[told_by])


@pytest.mark.parametrize("status", Status)
def test_every_status_has_words(status):
    text = told("reconciled", toldBy="reconcile", provider="nowpayments", **{"from": "pending", "to": status})
    assert text.startswith("NOWPayments was asked how the payment stands. The payment is now ")
    assert not CODE.search(text)


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (
            ("payment_opened", {"amount": "83", "priceCurrency": "EUR", "currency": "EUR", "provider": "stripe"}),
            "A payment of 83 EUR was started with Stripe.",
        ),
        (
            ("payment_opened", {"amount": "5", "priceCurrency": "USD", "currency": "BTC", "provider": "nowpayments"}),
            "A payment of 5 USD, to be paid in BTC, was started with NOWPayments.",
        ),
        (("checkout_opened", {"provider": "stripe", "providerId": "cs_1"}), "Stripe prepared the payment page."),
        (
            (
                "event_applied",
                {
                    "toldBy": "checkout.session.completed", "provider": "stripe", "stands": "paid", "from": "pending",
                    "to": "completed", "money": [{"kind": "charge", "ref": "pi_1", "amount": "83", "currency": "EUR"}],
                },
            ),
            "The payer completed Stripe's payment page. 83 EUR came in. The payment is now paid.",
        ),
        (
            (
                "event_applied",
                {"toldBy": "payment_intent.payment_failed", "provider": "stripe", "declined": "insufficient_funds"},
            ),
            "An attempt to pay was declined. Reason: insufficient funds.",
        ),
        (
            (
                "event_applied",
                {
                    "toldBy": "refund.created", "provider": "stripe", "from": "completed", "to": "partially_refunded",
                    "money": [{"kind": "refund", "ref": "re_1", "amount": "-12.5", "currency": "EUR"}],
                },
            ),
            "Stripe started a refund. 12.5 EUR went back to the payer. The payment is now partly refunded.",
        ),
        (
            (
                "refund_asked",
                {
                    "amount": "12.5", "currency": "EUR", "reason": "requested_by_customer", "reference": "r1",
                    "note": "asked by phone",
                },
            ),
            "A refund of 12.5 EUR was asked for: the payer asked for it. Note: asked by phone",
        ),
        (
            ("refund_delayed", {"because": "Stripe answered 500: APIError"}),
            "Stripe could not make the refund, and is asked again later: Stripe answered 500: APIError.",
        ),
        (("refund_answered", {"status": "succeeded", "ref": "re_1"}), "Stripe accepted the refund."),
        (
            ("refund_answered", {"status": "failed", "because": "expired_or_canceled_card"}),
            "The refund failed: expired or canceled card.",
        ),
        (
            ("credits_changed", {"rows": [{"credits": 50, "reason": "quick_scan_purchase", "balance": 50}]}),
            "The user's credits changed. +50 credits (quick scan purchase); the balance is 50.",
        ),
        (("something_new", {}), "Something new."),
    ],
    ids=lambda row: row[0] if isinstance(row, tuple) else "",
)  # fmt: skip
def test_a_row_is_a_sentence(row, text):
    action, details = row
    assert told(action, **details) == text
