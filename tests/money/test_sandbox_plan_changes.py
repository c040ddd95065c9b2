"""Changes of a plan in the sandbox, by the API and on the portal's page."""

from __future__ import annotations

import pytest
import stripe

from support.stripe_sandbox import Subscriber, move, plan, stripe_client


@pytest.fixture
async def subscriber(sandbox):
    http = stripe.AIOHTTPClient()
    await sandbox.ask("DELETE", "/_sandbox/book")
    yield Subscriber(stripe_client(sandbox, http), sandbox)
    # The clock is in the book: other tests find it where it was.
    await sandbox.ask("DELETE", "/_sandbox/book")
    await http.close_async()


async def in_the_middle(subscriber, sandbox):
    """Half of a period of thirty days has passed."""
    await move(sandbox, at="2027-04-01T00:00:00Z")
    await subscriber.buy(1000)
    await move(sandbox, at="2027-04-16T00:00:00Z")


async def change(subscriber, amount, behavior, **more):
    price = await plan(subscriber.client, amount)
    item = (await subscriber.now())["items"].data[0].id
    await subscriber.client.subscriptions.update_async(
        subscriber.id, {"items": [{"id": item, "price": price.id}], "proration_behavior": behavior, **more}
    )
    return price


def near(amounts, wanted):
    """Some seconds pass between the steps of a test: less than a cent in a thousand."""
    return len(amounts) == len(wanted) and all(abs(a - b) <= 1 for a, b in zip(amounts, wanted, strict=True))


async def test_an_upgrade_is_billed_at_once_with_a_line_for_each_proration(subscriber, sandbox):
    await in_the_middle(subscriber, sandbox)
    price = await change(subscriber, 4000, "always_invoice")
    invoice, _ = await subscriber.invoices()
    assert (invoice.billing_reason, invoice.status) == ("subscription_update", "paid")
    assert near([line.amount for line in invoice.lines.data], [-500, 2000])
    assert all(line.parent.subscription_item_details.proration for line in invoice.lines.data)
    assert invoice.lines.data[1].pricing.price_details.price == price.id
    assert (await subscriber.now())["items"].data[0].price.id == price.id


async def test_a_downgrade_credits_the_customer_whose_next_invoice_is_smaller(subscriber, sandbox):
    await in_the_middle(subscriber, sandbox)
    await change(subscriber, 200, "always_invoice")
    invoice, _ = await subscriber.invoices()
    assert near([line.amount for line in invoice.lines.data], [-500, 100])
    assert (invoice.amount_due, invoice.amount_paid, invoice.status) == (0, 0, "paid")
    await subscriber.press("renew")
    renewal = (await subscriber.invoices())[0]
    assert (renewal.total, renewal.amount_paid) == (200, 0)
    assert near([renewal.starting_balance, renewal.ending_balance], [-400, -200])


async def test_prorations_can_wait_for_the_next_invoice_where_they_come_first(subscriber, sandbox):
    await in_the_middle(subscriber, sandbox)
    await change(subscriber, 4000, "create_prorations")
    assert len(await subscriber.invoices()) == 1
    await subscriber.press("renew")
    renewal = (await subscriber.invoices())[0]
    assert near([line.amount for line in renewal.lines.data], [-500, 2000, 4000])
    assert [line.parent.type for line in renewal.lines.data] == [
        "invoice_item_details", "invoice_item_details", "subscription_item_details",
    ]  # fmt: skip
    assert renewal.lines.data[0].parent.invoice_item_details.proration


async def test_a_year_instead_of_a_month_starts_a_new_period(subscriber, sandbox):
    await in_the_middle(subscriber, sandbox)
    price = await plan(subscriber.client, 9000, "year")
    item = (await subscriber.now())["items"].data[0].id
    await subscriber.client.subscriptions.update_async(
        subscriber.id, {"items": [{"id": item, "price": price.id}], "proration_behavior": "always_invoice"}
    )
    invoice, _ = await subscriber.invoices()
    assert near([line.amount for line in invoice.lines.data], [-500, 9000])
    assert (await subscriber.period())[1].date().isoformat() == "2028-04-16"


async def test_an_invoice_shows_ten_lines_and_the_others_page_by_page(subscriber):
    session = await subscriber.buy(*range(100, 1300, 100))
    invoice = await subscriber.client.invoices.retrieve_async(session.invoice)
    assert (len(invoice.lines.data), invoice.lines.has_more) == (10, True)
    page = await subscriber.client.invoices.line_items.list_async(session.invoice, {"limit": 5})
    amounts = [line.amount async for line in page.auto_paging_iter()]
    assert amounts == list(range(100, 1300, 100))
    events = (await subscriber.client.events.list_async({"type": "invoice.paid"})).data
    assert (len(events[0].data.object.lines.data), events[0].data.object.lines.has_more) == (10, True)


async def configured(subscriber, *prices):
    products = [{"product": price.product, "prices": [price.id]} for price in prices]
    return await subscriber.client.billing_portal.configurations.create_async(
        {
            "features": {
                "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
                "subscription_update": {
                    "enabled": True, "default_allowed_updates": ["price"], "products": products,
                    "proration_behavior": "always_invoice",
                },
            }
        }
    )  # fmt: skip


async def test_the_portal_cancels_by_cancel_at_and_changes_the_plan(subscriber, sandbox):
    await in_the_middle(subscriber, sandbox)
    bigger = await plan(subscriber.client, 4000)
    configuration = await configured(subscriber, bigger)
    found = await subscriber.now()
    session = await subscriber.client.billing_portal.sessions.create_async(
        {"customer": found.customer, "configuration": configuration.id, "return_url": "https://www.example.com/"}
    )
    path = f"/pay/stripe/portal/{session.id}"
    assert "Change to Plan, 40.00 USD" in await sandbox.ask("GET", path)
    await sandbox.ask("POST", f"{path}/{found.id}/switch", data={"price": bigger.id}, allow_redirects=False)
    await sandbox.ask("POST", f"{path}/{found.id}/cancel", allow_redirects=False)
    changed = await subscriber.now()
    item = changed["items"].data[0]
    assert (item.price.id, changed.cancel_at, changed.cancel_at_period_end) == (
        bigger.id, item.current_period_end, False,
    )  # fmt: skip
    await move(sandbox, months=1)
    assert (await subscriber.now()).status == "canceled"


async def test_the_portal_needs_a_configuration_and_a_customer(subscriber):
    await subscriber.buy(900)
    customer = (await subscriber.now()).customer
    with pytest.raises(stripe.InvalidRequestError, match="No configuration provided"):
        await subscriber.client.billing_portal.sessions.create_async({"customer": customer})
    configuration = await configured(subscriber, await plan(subscriber.client, 900))
    with pytest.raises(stripe.InvalidRequestError, match="No such customer") as missing:
        await subscriber.client.billing_portal.sessions.create_async(
            {"customer": "cus_other", "configuration": configuration.id}
        )
    assert (missing.value.http_status, missing.value.code) == (400, "resource_missing")
