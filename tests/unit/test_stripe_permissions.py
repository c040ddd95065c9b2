"""The permissions that Stripe's errors name."""

from __future__ import annotations

import pytest

from hingecraft.providers.stripe.permissions import missing_permissions


@pytest.mark.parametrize(
    ("message", "missing"),
    [
        ("Having the 'rak_plan_write' permission would allow this request to continue.", ["Prices: Write"]),
        (
            "Having the 'rak_credit_note_read', 'rak_invoice_read' permissions would allow this request to continue.",
            ["credit_note: Read", "Invoices: Read"],
        ),
        (
            "Enabling \"Charges Read\" ('charge_read') permissions on this key would allow this request to continue.",
            ["Charges and Refunds: Read"],
        ),
        ("The provided key 'rk_test_*****write' does not have access to account 'acct_1'.", []),
    ],
)
def test_stripes_messages_about_permissions_are_read(message, missing):
    assert missing_permissions(message) == missing
