"""The sandbox's pages in a browser, with only the keyboard: a person pays, is declined, gives through a link."""

from __future__ import annotations

import pytest

from support.chromium import chromium
from support.folders import open_folder
from support.sandbox import STRIPE_KEY, Sandbox

AUTH = {"Authorization": f"Bearer {STRIPE_KEY}"}


@pytest.fixture
async def world():
    with open_folder() as folder:
        sandbox = Sandbox(folder)
        await sandbox.start()
        await sandbox.ready()
        async with chromium(folder) as page:
            yield sandbox, page
        await sandbox.stop()


async def session(sandbox):
    return await sandbox.ask(
        "POST", "/v1/checkout/sessions", headers=AUTH,
        data={"mode": "payment", "success_url": f"{sandbox.address}/?thanks={{CHECKOUT_SESSION_ID}}",
              "line_items[0][quantity]": "1", "line_items[0][price_data][currency]": "usd",
              "line_items[0][price_data][unit_amount]": "3750",
              "line_items[0][price_data][product_data][name]": "Donation to HingeCraft"},
    )  # fmt: skip


async def test_a_card_is_declined_and_then_pays(world):
    sandbox, page = world
    made = await session(sandbox)
    await page.open(made["url"])
    assert "37.50 USD" in await page.value("document.body.innerText")
    assert "sandbox" in (await page.value("document.body.innerText")).lower()
    assert await page.value("document.documentElement.lang") == "en"
    await page.screenshot("card")
    await page.tab_to("Decline")
    await page.submit()
    await page.until("document.readyState === 'complete' && document.body.innerText.includes('open, unpaid')")
    await page.tab_to("Pay")
    await page.submit()
    await page.until("location.search.startsWith('?thanks=cs_test_')")
    found = await sandbox.stripe(f"checkout/sessions/{made['id']}")
    assert (found["status"], found["payment_status"]) == ("complete", "paid")
    await page.open(f"{sandbox.address}/pay/stripe/c/{made['id']}")
    await page.tab_to("Refund half")
    await page.submit()
    await page.until("document.body.innerText.includes('Let the refund of 18.75 USD fail')")
    await page.screenshot("card-refunded")


async def test_an_amount_is_typed_on_a_link(world):
    sandbox, page = world
    price = await sandbox.ask(
        "POST", "/v1/prices", headers=AUTH,
        data={"currency": "eur", "custom_unit_amount[enabled]": "true", "custom_unit_amount[minimum]": "100",
              "custom_unit_amount[maximum]": "100000", "product_data[name]": "x"},
    )  # fmt: skip
    link = await sandbox.ask(
        "POST", "/v1/payment_links", headers=AUTH,
        data={"line_items[0][price]": price["id"], "line_items[0][quantity]": "1"},
    )  # fmt: skip
    await page.open(link["url"])
    await page.tab_to("Amount in EUR")
    await page.value("document.activeElement.select()")
    await page.type("0.10")
    await page.submit()
    await page.until("document.querySelector('[role=alert]') !== null")
    await page.screenshot("link-refused")
    await page.tab_to("Amount in EUR")
    await page.value("document.activeElement.select()")
    await page.type("25.50")
    await page.submit()
    await page.until("document.body.innerText.includes('25.50 EUR')")


async def test_coins_are_chosen_and_sent(world):
    sandbox, page = world
    made = await sandbox.ask(
        "POST", "/nowpayments/v1/invoice", headers={"x-api-key": "k"},
        json={"price_amount": 25, "price_currency": "usd", "order_id": "1"},
    )  # fmt: skip
    await page.open(made["invoice_url"])
    await page.tab_to("Pay with")
    await page.press("ArrowDown")
    await page.tab_to("Show the address")
    await page.submit()
    await page.until("document.body.innerText.includes('ETH')")
    await page.screenshot("coins")
    await page.tab_to("Send all of it")
    await page.submit()
    await page.until("document.body.innerText.includes('finished')")
