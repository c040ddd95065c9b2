"""The lines that a pod logs about its providers, its members and the Wix app at its start."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from hingecraft.settings import DsnSecret
from hingecraft_api.app import build_pod
from hingecraft_api.startup import members_line, providers_line, wix_app_line
from support import wix
from support.pods import settings_of
from support.tokens import SETTINGS

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


KEYS = "https://project.supabase.test/auth/v1/.well-known/jwks.json"


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({}, "Members are off (not set: AUTH_JWT_SECRET, AUTH_JWKS_URL). SERVICE_TOKEN is not set"),
        (SETTINGS,
         ("Members are on: tokens from https://project.supabase.test/auth/v1, supabase are verified by "
         "AUTH_JWT_SECRET. SERVICE_TOKEN is set")),
        ({"auth_jwks_url": KEYS},
         (f"Members are on: tokens from any issuer (not set: AUTH_JWT_ISSUER) are verified by the keys of {KEYS}. "
         "SERVICE_TOKEN is not set")),
    ],
)  # fmt: skip
def test_one_line_says_whose_tokens_are_accepted(settings, line):
    assert members_line(settings_of(DsnSecret("postgresql://127.0.0.1/none"), **settings)) == line


WIX_API = "https://www.wixapis.com"


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({}, "The Wix app is off (not set: WIX_APP_ID, WIX_APP_SECRET, WIX_APP_PUBLIC_KEY)"),
        (wix.settings(),
         (f"The Wix app is on: app {wix.APP_ID}, instance tokens are verified by WIX_APP_SECRET, "
         f"0 owner instances, {WIX_API}")),
        ({**wix.settings(), "wix_instance_check": "token_info", "wix_app_public_key": "",
          "wix_owner_instances": wix.APP_ID},
         (f"The Wix app is on: app {wix.APP_ID}, instance tokens are verified by Wix's Token Info, "
         f"1 owner instance, {WIX_API} (not set: WIX_APP_PUBLIC_KEY)")),
        ({**wix.settings(), "wix_app_secret": ""},
         (f"The Wix app takes webhooks only: app {wix.APP_ID}, 0 owner instances, {WIX_API} "
         "(not set: WIX_APP_SECRET)")),
    ],
)  # fmt: skip
def test_one_line_says_how_the_wix_app_is_set_up_without_a_secret(settings, line):
    said = wix_app_line(settings_of(DsnSecret("postgresql://127.0.0.1/none"), **settings))
    assert said == line
    assert wix.APP_SECRET not in said
