"""Links saved by hand for the other mode, test or live, are not published; those at a custom domain are known."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal

import pytest

from hingecraft.donations import situation
from hingecraft.donations.links import manual_links
from hingecraft.donations.links.manual_links import LinkRejectedError, ManualLink
from hingecraft.routes import service as routes
from support.limits import PROGRESS
from support.money import all_processed
from support.pods import ADMIN
from support.published_routes import newest
from support.reconciling import reconcile
from support.standing_links import keeper, make_link, pay_through

INSERT = "INSERT INTO external_payments (gateway, currency, provider_url) VALUES ($1, $2, $3)"
AT_SANDBOX, AT_LIVE = "https://sandbox.nowpayments.io/payment/?iid=5", "https://nowpayments.io/payment/?iid=6"
KEYS = {"live": "https://api.nowpayments.io/v1", "sandbox": "https://api-sandbox.nowpayments.io/v1"}
PAYMENTS = "SELECT amount, currency, status, source FROM payments ORDER BY created_at"


async def routed(database, code):
    await routes.publish(database)
    return json.loads((await newest(database)).routes)[code]["url"]


async def problems(pod):
    _, answer = await pod.call("GET", "/admin/routes/problems", headers=ADMIN)
    return [each["problem"] for each in answer["data"]["items"] if "not published" in each["problem"]]


async def handed_out(conn, coin):
    return (await situation.read(conn, coin, None, Decimal(10), "USD")).standing_url


WRONG = {
    "live": (AT_SANDBOX, AT_LIVE, "it leads to the sandbox of NOWPayments, which takes no real money"),
    "sandbox": (AT_LIVE, AT_SANDBOX, "it takes real money, but NOWPAYMENTS_API_KEY is a key of the sandbox"),
}


@pytest.mark.parametrize("keys", WRONG)
async def test_an_invoice_of_the_other_mode_is_not_published(pod, sandbox, conn, dsn, database, keys):
    wrong, right, because = WRONG[keys]
    await conn.execute("UPDATE currencies SET enabled = code IN ('BTC', 'ETH')")
    await conn.execute(INSERT, "nowpayments", "btc", wrong)
    await conn.execute(INSERT, "nowpayments", "eth", right)
    assert await routed(database, "BTC") == wrong, "nobody knows the mode before a reconciliation"
    found = await reconcile(dsn, {**sandbox.settings, "nowpayments_api_base": KEYS[keys]})
    assert [await routed(database, coin) for coin in ("BTC", "ETH")] == [None, right]
    assert [await handed_out(conn, coin) for coin in ("BTC", "ETH")] == [None, right]
    assert [because in problem for problem in await problems(pod)] == [True]
    assert any(f"{wrong} is not published: {because}" in reason for reason in found.reasons)
    other = next(each for each in KEYS if each != keys)
    await reconcile(dsn, {**sandbox.settings, "nowpayments_api_base": KEYS[other]})
    assert [await routed(database, coin) for coin in ("BTC", "ETH")] == [wrong, None]


async def test_a_stand_in_and_a_dry_run_say_nothing_of_the_mode(sandbox, conn, dsn, database):
    await conn.execute(INSERT, "nowpayments", "btc", AT_SANDBOX)
    live = {**sandbox.settings, "nowpayments_api_base": KEYS["live"]}
    await reconcile(dsn, live, dry_run=True)
    assert await routed(database, "BTC") == AT_SANDBOX
    await reconcile(dsn, live)
    assert await routed(database, "BTC") is None
    await reconcile(dsn, sandbox.settings)
    assert await routed(database, "BTC") == AT_SANDBOX


async def test_the_engine_hears_of_a_new_mode_once(conn, dsn, sandbox):
    told: list[str] = []
    await conn.add_listener("hc_routes_changed", lambda *_: told.append("changed"))
    await conn.execute("UPDATE currencies SET enabled = false")
    await conn.execute("SELECT pg_sleep(0)")
    told.clear()
    live = {**sandbox.settings, "nowpayments_api_base": KEYS["live"]}
    for _ in range(2):
        await reconcile(dsn, live)
    async with asyncio.timeout(PROGRESS):
        while not told:
            await conn.execute("SELECT 1")
    assert told == ["changed"]


async def test_links_add_rejects_an_invoice_of_the_other_mode(conn, database):
    await conn.execute("UPDATE installation SET nowpayments_live = true")
    with pytest.raises(LinkRejectedError, match="leads to the sandbox of NOWPayments"):
        await manual_links.add(database, ManualLink(gateway="nowpayments", currency="btc", url=AT_SANDBOX))
    assert await manual_links.add(database, ManualLink(gateway="nowpayments", currency="btc", url=AT_LIVE)) == "BTC"


async def only_usd(conn):
    await conn.execute("UPDATE currencies SET enabled = code = 'USD'")
    await conn.execute("UPDATE route_policy SET single_use_checkouts = false")


async def listings(dsn, sandbox, link):
    """The link where Stripe lists it, and the other links that it lists."""
    async with keeper(dsn, sandbox) as at_stripe:
        every = [each async for each in at_stripe.links.every()]
    return [each for each in every if each.id == link["id"]], [each for each in every if each.id != link["id"]]


@pytest.mark.parametrize("address", ["https://buy.stripe.com/test_{}", "https://give.example.org/test_{}"])
async def test_a_link_that_was_saved_with_test_keys_is_not_published_after_going_live(
    dsn, conn, sandbox, database, pod, address
):
    """Stripe names it no more with live keys; with the test keys it is published again."""
    link = await make_link(sandbox)
    await only_usd(conn)
    bought = address.format(link["id"][-8:])
    await sandbox.change("payment_links", link["id"], url=bought)
    await conn.execute(INSERT, "stripe", "usd", bought)
    await conn.execute(INSERT, "other", "usd", "https://gifts.example.org/usd")
    await conn.execute("UPDATE external_payments SET created_at = now() - interval '1 day' WHERE provider = 'other'")
    theirs, others = await listings(dsn, sandbox, link)
    published = []
    for listed in (theirs, others, others, theirs):
        await manual_links.resolve(database, listed, [link["id"]], lambda _line: None)
        published.append((await routed(database, "USD")) == bought)
        found = await problems(pod)
        assert len(found) == (0 if published[-1] else 1)
        assert all("a Payment Link of this account and mode" in each for each in found)
    assert published == [True, False, False, True]
    # What came meanwhile was ignored, and is opened by the run that has found the link again.
    assert await conn.fetchval("SELECT checked_at FROM external_payments WHERE provider = 'stripe'") is None


async def test_a_link_at_a_custom_domain_is_published_and_found_where_stripe_names_its_own(
    dsn, conn, sandbox, database, pod
):
    """A Payment Link keeps its path, whichever domain it is shown under when it is listed."""
    link = await make_link(sandbox)
    await only_usd(conn)
    path = f"test_{link['id'][-8:]}"
    await sandbox.change("payment_links", link["id"], url=f"https://buy.stripe.com/{path}")
    await conn.execute(INSERT, "stripe", "usd", f"https://give.example.org/{path}?locale=de")
    assert await routed(database, "USD") == f"https://give.example.org/{path}?locale=de"
    await reconcile(dsn, sandbox.settings)
    row = await conn.fetchrow("SELECT provider_id, provider_url FROM external_payments WHERE idempotency_key IS NULL")
    assert tuple(row) == (link["id"], f"https://give.example.org/{path}?locale=de")
    assert await problems(pod) == []


async def test_money_through_a_custom_domain_is_in_the_books_before_a_reconciliation(pod, sandbox, conn):
    link = await make_link(sandbox)
    await conn.execute(INSERT, "stripe", "usd", link["url"].replace(sandbox.address, "https://give.example.org"))
    await pay_through(sandbox, link["url"])
    await all_processed(conn, at_least=3)
    assert [tuple(row) for row in await conn.fetch(PAYMENTS)] == [(50, "USD", "completed", "standing_link")]
    assert await conn.fetchval("SELECT provider_id FROM external_payments") == link["id"]


async def test_a_corrected_address_is_judged_by_itself(dsn, conn, sandbox, database):
    link = await make_link(sandbox)
    await only_usd(conn)
    bought = f"https://give.example.org/test_{link['id'][-8:]}"
    await sandbox.change("payment_links", link["id"], url=bought)
    await conn.execute(INSERT, "stripe", "usd", bought)
    theirs, others = await listings(dsn, sandbox, link)
    for listed in (theirs, others):
        await manual_links.resolve(database, listed, [link["id"]], lambda _line: None)
    assert await routed(database, "USD") is None
    await conn.execute("UPDATE external_payments SET provider_url = 'https://pages.example.org/give'")
    assert await routed(database, "USD") == "https://pages.example.org/give"
