"""The requests about subscriptions, invoices and the portal, held against Stripe's own description of its API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hingecraft.members.subscriptions.model import copy_of
from hingecraft.providers.patience import Deadline
from hingecraft.providers.stripe.portal_requests import features_for, metadata_for, portal_request

INSTALLATION = "3f2b8a52-6a80-4f3e-9c8e-0a8f6a4c8a11"
PLANS = {"prod_basic": ["price_basic", "price_basic_year"], "prod_pro": ["price_pro"]}


async def test_a_subscription_is_read_with_its_invoice(provider):
    found = copy_of(await provider.subscriptions.retrieve("sub_1"))
    assert found.id.startswith("sub_")
    assert found.period_end is not None


async def test_listing_paid_invoices_is_valid(provider):
    since = datetime.now(UTC) - timedelta(days=40)
    found = [each async for each in provider.subscriptions.paid_invoices("sub_1", since)]
    assert all(each["object"] == "invoice" for each in found)


@pytest.mark.parametrize("products", [PLANS, {}], ids=["plans", "no plans"])
async def test_our_configurations_are_valid(provider, products):
    features = features_for(products)
    metadata = metadata_for(INSTALLATION, features)
    for earlier in (None, "bpc_1"):
        made = await provider.portal.configure(
            features, metadata, Deadline.within(10), instead_of=earlier, removed=None
        )
        assert made.startswith("bpc_")


async def test_finding_configurations_and_opening_the_portal_is_valid(provider):
    found = [each async for each in provider.portal.configurations()]
    assert found[0]["object"] == "billing_portal.configuration"
    # stripe-mock answers with a placeholder as address, which the port rejects.
    request = portal_request("cus_1", "bpc_1", "https://www.example.com/account")
    create, options = provider.account.client.v1.billing_portal.sessions.create_async, provider.account.options()
    session = await provider.account.call(lambda: create(request, options=options), Deadline.within(10))
    assert (session.object, session.id[:4]) == ("billing_portal.session", "bps_")


async def test_more_than_ten_products_switch_changes_off():
    many = {f"prod_{number}": [f"price_{number}"] for number in range(11)}
    assert features_for(many)["subscription_update"] == {"enabled": False}
