"""What a pod says of its providers at its start."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from hingecraft.settings import DsnSecret
from hingecraft_api.app import build_pod
from hingecraft_api.startup import providers_line
from support.pods import settings_of

NOWPAYMENTS = {"nowpayments_api_key": "a-sandbox-key", "public_url": "https://pay.example.com"}


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({}, "Stripe is off (not set: STRIPE_SECRET). NOWPayments is off (not set: NOWPAYMENTS_API_KEY, PUBLIC_URL)"),
        ({"stripe_secret": "sk_test_12345", **NOWPAYMENTS},
         "Stripe is on in test mode. NOWPayments is on in live mode"),
        ({"stripe_secret": "rk_live_12345", "stripe_webhook_secret": "whsec_12345", "nowpayments_ipn_secret": ""},
         ("Stripe is on in live mode. "
         "NOWPayments is off (not set: NOWPAYMENTS_API_KEY, NOWPAYMENTS_IPN_SECRET, PUBLIC_URL)")),
        ({**NOWPAYMENTS, "public_url": "", "stripe_webhook_secret": "",
          "nowpayments_api_base": "https://api-sandbox.nowpayments.io/v1"},
         ("Stripe is off (not set: STRIPE_SECRET, STRIPE_WEBHOOK_SECRET). "
         "NOWPayments is on in test mode (not set: PUBLIC_URL)")),
    ],
)  # fmt: skip
def test_one_line_says_which_providers_are_on_and_what_is_missing(settings, line):
    pod = build_pod(settings_of(DsnSecret("postgresql://127.0.0.1/none"), **settings), CollectorRegistry())
    assert providers_line(pod) == line
