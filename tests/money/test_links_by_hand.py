"""Standing links that people save by hand: their ids are found, or they are refused; their money is in the books."""

from __future__ import annotations

import asyncio
import json

import asyncpg
import pytest

from hingecraft.donations.links import manual_links
from hingecraft.donations.links.manual_links import LinkRejectedError, ManualLink
from hingecraft.errors import UsageError
from hingecraft.inbox import store as inbox
from hingecraft.providers.nowpayments import webhook as nowpayments_webhook
from hingecraft.routes import service as routes
from support import published_routes
from support.money import all_processed, send_stripe, stripe_event
from support.pods import Running
from support.reconciling import command, reconcile
from support.standing_links import keeper, make_link, pay_through

INSERT = "INSERT INTO external_payments (gateway, currency, provider_url) VALUES ($1, $2, $3)"
BUTTON = "https://nowpayments.io/payment/?iid={}&source=button"
PAYMENTS = "SELECT amount, currency, status, source FROM payments ORDER BY created_at"


async def routed(database, code):
    await routes.publish(database)
    return json.loads((await published_routes.newest(database)).routes)[code]["url"]


async def make_invoice(sandbox, pod: Running, **more):
    return await sandbox.ask(
        "POST", "/nowpayments/v1/invoice", headers={"x-api-key": "sandbox-key"},
        json={"price_amount": 10, "price_currency": "usd", "ipn_callback_url": f"{pod.public}/webhooks/nowpayments",
              **more},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("url", "invoice"),
    [
        ("https://nowpayments.io/payment/?iid=4803929857", "4803929857"),
        ("https://nowpayments.io/payment/?iid=4803929857&source=button", "4803929857"),
        ("https://nowpayments.io/payment?source=button&iid=4803929857", "4803929857"),
        ("https://nowpayments.io/invoice/?iid=4803929857#top", "4803929857"),
        ("https://nowpayments.io/embeds/payment-widget?iid=4803929857", "4803929857"),
        ("https://nowpayments.io/payment/4803929857/", "4803929857"),
        ("https://sandbox.nowpayments.io/payment/?iid=5", "5"),
        ("https://nowpayments.io/donation/some-name", None),
        ("https://nowpayments.io/payment/?iid=sim_7", None),
    ],
)
async def test_an_invoice_is_known_from_its_address_as_it_is_inserted(conn, database, url, invoice):
    """Also where the gateway is written as something else: the address says whose link it is."""
    await conn.execute(INSERT, "crypto", "btc", url)
    row = await conn.fetchrow("SELECT provider, provider_id, provider_url FROM external_payments")
    assert tuple(row) == ("nowpayments", invoice, url)
    assert await routed(database, "BTC") == (url if invoice else None)
    (link,) = await manual_links.listed(database)
    assert (link.gap is None) == (invoice is not None)


async def test_one_invoice_for_any_coin_serves_several_currencies(conn, database):
    for coin in ("btc", "eth", "btc"):
        await conn.execute(INSERT, "nowpayments", coin, BUTTON.format(7))
    assert await routed(database, "BTC") == await routed(database, "ETH") == BUTTON.format(7)


async def test_a_corrected_address_has_an_id_of_its_own(conn):
    await conn.execute(INSERT, "nowpayments", "btc", BUTTON.format(7))
    await conn.execute("UPDATE external_payments SET provider_url = $1", BUTTON.format(8))
    assert await conn.fetchval("SELECT provider_id FROM external_payments") == "8"


@pytest.mark.parametrize("order_id", [None, "gala-2026", "7d1c4a52-6a80-4f3e-9c8e-0a8f6a4c8a11"])
async def test_what_is_paid_through_a_payment_button_is_in_the_books(pod, sandbox, conn, order_id):
    """Whatever its order id is: the old software wrote ids of its own payments there, which are UUIDs as ours."""
    made = await make_invoice(sandbox, pod, order_id=order_id)
    await conn.execute(INSERT, "nowpayments", "btc", BUTTON.format(made["id"]))
    payment = await sandbox.coins(made["invoice_url"], "pay")
    await all_processed(conn, at_least=4)
    # Told twice more, in other words: a repeat of the same body would not even be kept.
    for status in ("waiting", "finished"):
        hint = {"payment_id": int(payment), "payment_status": status, "note": "again"}
        await inbox.store(conn, [nowpayments_webhook.event_of(json.dumps(hint).encode())])
    await all_processed(conn, at_least=6)
    rows = await conn.fetch(PAYMENTS)
    assert [tuple(row) for row in rows] == [(10, "BTC", "completed", "standing_link")]
    assert await conn.fetchval("SELECT count(*) FROM settlements") == 1


async def test_each_payer_of_a_button_for_any_coin_gives_in_the_coin_they_chose(pod, sandbox, conn):
    made = await make_invoice(sandbox, pod)
    await conn.execute(INSERT, "nowpayments", "btc", BUTTON.format(made["id"]))
    for coin in ("eth", "btc"):
        await sandbox.coins(made["invoice_url"], "pay", coin=coin)
    await all_processed(conn, at_least=8)
    rows = await conn.fetch("SELECT currency, status FROM payments ORDER BY currency")
    assert [tuple(row) for row in rows] == [("BTC", "completed"), ("ETH", "completed")]


async def test_a_stripe_link_is_published_when_reconciliation_has_found_it(dsn, conn, sandbox, database, pod):
    link = await make_link(sandbox)
    await conn.execute("UPDATE currencies SET enabled = code = 'USD'")
    await conn.execute("UPDATE route_policy SET single_use_checkouts = false")
    bought = f"https://buy.stripe.com/test_{link['id'][-8:]}"
    await sandbox.change("payment_links", link["id"], url=bought)
    await conn.execute(INSERT, "stripe", "usd", bought.replace("buy.", "donate.") + "?locale=de")
    await conn.execute(INSERT, "stripe", "usd", "https://buy.stripe.com/of_another_account")
    assert await routed(database, "USD") is None
    found = await reconcile(dsn, sandbox.settings)
    kept = "SELECT provider_id FROM external_payments WHERE idempotency_key IS NULL ORDER BY provider_id"
    assert [row[0] for row in await conn.fetch(kept)] == [link["id"], None]
    assert any("of_another_account is not published" in reason for reason in found.reasons)
    assert found.errors == 0
    code, said, _ = await command(dsn, sandbox.environment, "links", "list")
    assert code == 0
    (other,) = [line for line in said.splitlines() if "of_another_account" in line]
    assert "NOT PUBLISHED: its id has not been found at Stripe" in other
    assert (await reconcile(dsn, sandbox.settings)).links_changed == 0


async def test_money_that_comes_before_reconciliation_has_found_a_stripe_link_is_in_the_books(pod, sandbox, conn):
    link = await make_link(sandbox)
    await conn.execute(INSERT, "stripe", "usd", link["url"])
    await pay_through(sandbox, link["url"])
    await all_processed(conn, at_least=3)
    rows = await conn.fetch(PAYMENTS)
    assert [tuple(row) for row in rows] == [(50, "USD", "completed", "standing_link")]
    assert await conn.fetchval("SELECT provider_id FROM external_payments") == link["id"]


async def test_a_link_that_is_saved_after_its_money_came_has_it_all_the_same(pod, sandbox, conn, dsn):
    """Ignored is not lost: as after a restored backup, in which a link that was saved by hand is missing."""
    link, made = await make_link(sandbox), await make_invoice(sandbox, pod)
    session = await pay_through(sandbox, link["url"])
    await sandbox.coins(made["invoice_url"], "pay")
    await all_processed(conn, at_least=7)
    assert await conn.fetchval("SELECT count(*) FROM settlements") == 0
    ignored = "SELECT count(*) FROM provider_events WHERE ignored_because = $1"
    assert await conn.fetchval(ignored, f"its link {link['id']} is not saved here") == 1
    await sandbox.act(session, "refund_half")
    await all_processed(conn, at_least=8)
    # As the version before wrote it.
    await conn.execute(
        "UPDATE provider_events SET ignored_because = 'its link is none of ours' WHERE source = 'nowpayments'"
    )
    await conn.execute("UPDATE currencies SET enabled = code IN ('USD', 'BTC')")
    await conn.execute(INSERT, "nowpayments", "btc", BUTTON.format(made["id"]))
    await conn.execute(INSERT, "stripe", "usd", link["url"])
    found = await reconcile(dsn, sandbox.settings)
    assert found.events_reopened >= 6
    await all_processed(conn)
    rows = await conn.fetch("SELECT currency, status FROM payments ORDER BY currency")
    assert [tuple(row) for row in rows] == [("BTC", "completed"), ("USD", "partially_refunded")]
    again = await reconcile(dsn, sandbox.settings)
    assert again.events_reopened == 0
    assert await conn.fetchval("SELECT count(*) FROM settlements") == 3


@pytest.mark.parametrize("currency", ["usd", "bgn"])
async def test_other_payment_links_of_the_account_are_other_traffic(pod, sandbox, conn, currency):
    """Whatever they are paid in: nobody adds a currency for a stranger's payment."""
    link = await make_link(sandbox, currency)
    await pay_through(sandbox, link["url"])
    await all_processed(conn, at_least=3)
    assert await conn.fetchval("SELECT count(*) FROM payments") == 0
    assert await conn.fetchval("SELECT count(*) FROM provider_events WHERE ignored_because IS NULL") == 0


async def test_an_event_of_an_unknown_link_waits_while_stripe_does_not_know_its_session(pod, conn):
    session = {
        "id": "cs_test_young", "object": "checkout.session", "mode": "payment", "livemode": False, "currency": "usd",
        "amount_total": 500, "amount_subtotal": 500, "status": "complete", "payment_status": "paid",
        "payment_intent": "pi_x", "payment_link": "plink_young", "client_reference_id": None, "metadata": {},
    }  # fmt: skip
    assert (await send_stripe(pod, stripe_event("checkout.session.completed", session)))[0] == 200
    error = None
    while error is None:
        await asyncio.sleep(0.05)
        error = await conn.fetchval("SELECT error FROM provider_events WHERE processed_at IS NULL")
    assert "404" in error


async def test_links_add_finds_the_id_or_refuses(dsn, database, sandbox, conn):
    link = await make_link(sandbox)
    url = link["url"].replace("http://", "https://")
    await sandbox.change("payment_links", link["id"], url=url)
    async with keeper(dsn, sandbox) as each:
        assert (
            await manual_links.add(database, ManualLink(gateway="Stripe", currency="$", url=f"{url}?x=1"), each.links)
            == "USD"
        )
        assert await conn.fetchval("SELECT provider_id FROM external_payments") == link["id"]
        with pytest.raises(LinkRejectedError, match="already saved for USD"):
            await manual_links.add(database, ManualLink(gateway="stripe", currency="EUR", url=url), each.links)
        with pytest.raises(LinkRejectedError, match="has no Payment Link at"):
            await manual_links.add(
                database, ManualLink(gateway="crypto", currency="USD", url="https://buy.stripe.com/x"), each.links
            )
    with pytest.raises(UsageError, match="STRIPE_SECRET is not set"):
        await manual_links.add(database, ManualLink(gateway="stripe", currency="USD", url=url))
    # The same link again, once the first row has ended.
    await conn.execute("UPDATE external_payments SET expires_at = now()")
    async with keeper(dsn, sandbox) as each:
        await manual_links.add(database, ManualLink(gateway="stripe", currency="USD", url=url), each.links)
    assert await routed(database, "USD") == url


async def test_links_add_refuses_an_address_that_names_no_invoice(database, conn):
    for good, coin in (
        ("https://nowpayments.io/payment/?iid=9", "btc"),
        ("https://nowpayments.io/payment/?iid=9", "eth"),
    ):
        await manual_links.add(database, ManualLink(gateway="nowpayments", currency=coin, url=good))
    assert await routed(database, "ETH") == "https://nowpayments.io/payment/?iid=9"
    with pytest.raises(LinkRejectedError, match="already saved for BTC"):
        await manual_links.add(
            database, ManualLink(gateway="nowpayments", currency="btc", url="https://nowpayments.io/payment/?iid=9")
        )
    for bad in ("https://nowpayments.io/donation/name", "https://now.example/i"):
        with pytest.raises(LinkRejectedError, match="has no invoice id"):
            await manual_links.add(database, ManualLink(gateway="NOWPayments", currency="bitcoin", url=bad))
    for bad in ("http://now.example/i", "javascript:alert(1)", "https://a b"):
        with pytest.raises(LinkRejectedError, match="https address"):
            await manual_links.add(database, ManualLink(gateway="x", currency="BTC", url=bad))


async def test_a_link_of_another_provider_is_published_as_it_is(database):
    """Nobody tells us of its money; who saves it knows that (decision 21)."""
    url = "https://give.example.com/i"
    assert await manual_links.add(database, ManualLink(gateway="other", currency="USD", url=url)) == "USD"
    assert await routed(database, "USD") == url


async def test_a_restored_backup_without_links_loses_none_of_their_money(pod, sandbox, conn, dsn):
    """Donors go on paying through links whose rows are gone; their events come before the next reconciliation."""
    await conn.execute("UPDATE currencies SET enabled = code IN ('USD', 'EUR')")
    async with keeper(dsn, sandbox) as each:
        await each.ensure()
        urls = {
            row["currency"]: row["provider_url"]
            for row in await conn.fetch("SELECT currency, provider_url FROM external_payments")
        }
        await conn.execute("DELETE FROM external_payments")
        for url in urls.values():
            await pay_through(sandbox, url)
        await all_processed(conn, at_least=6)
        rows = await conn.fetch("SELECT amount, currency, status FROM payments ORDER BY currency")
        assert [tuple(row) for row in rows] == [(50, "EUR", "completed"), (50, "USD", "completed")]
        statuses = await conn.fetch("SELECT DISTINCT status FROM external_payments")
        assert [row[0] for row in statuses] == ["expired"], "nothing is published before it is seen to be wanted"
        assert (await each.ensure()).made == 0
    assert await conn.fetchval("SELECT count(*) FROM external_payments WHERE status = 'pending'") == 2


async def test_money_through_the_link_of_another_database_is_not_ours(pod, sandbox, conn, other_dsn):
    async with keeper(other_dsn, sandbox) as other:
        await _only_usd(other_dsn)
        await other.ensure()
        link = await _newest_link(sandbox, "_test_usd_")
        session = await pay_through(sandbox, link["url"])
    await all_processed(conn, at_least=3)
    assert await conn.fetchval("SELECT count(*) FROM payments") == 0
    why = await conn.fetchval("SELECT ignored_because FROM provider_events WHERE type = 'checkout.session.completed'")
    assert why == "it belongs to another installation"
    assert (await pod.call("GET", f"/payments/{session}"))[0] == 404


async def _only_usd(dsn):
    connection = await asyncpg.connect(dsn.newest)
    await connection.execute("UPDATE currencies SET enabled = code = 'USD'")
    await connection.close()


async def _newest_link(sandbox, what):
    found = (await sandbox.stripe("payment_links?limit=100"))["data"]
    return next(link for link in found if what in link["metadata"].get("hingecraft_link", ""))


async def test_money_through_a_marked_link_that_nobody_has_claimed_waits_until_somebody_saves_it(
    pod, sandbox, conn, dsn, database
):
    """Made by an older version, and its row is lost: it may be ours or another database's."""
    key = {
        "metadata[hingecraft_link]": "hc_link_test_usd_100_77",
        "payment_intent_data[metadata][hingecraft_link]": "k",
    }
    link = await make_link(sandbox, **key)
    await pay_through(sandbox, link["url"])
    why = None
    while why is None or "made by an older version" not in why:
        await asyncio.sleep(0.1)
        await conn.execute("UPDATE provider_events SET next_attempt_at = now() WHERE claimed_until IS NULL")
        why = await conn.fetchval("SELECT error FROM provider_events WHERE type = 'checkout.session.completed'")
    assert await conn.fetchval("SELECT count(*) FROM settlements") == 0
    await sandbox.change("payment_links", link["id"], url=link["url"].replace("http://", "https://"))
    async with keeper(dsn, sandbox) as each:
        url = link["url"].replace("http://", "https://")
        await manual_links.add(database, ManualLink(gateway="stripe", currency="USD", url=url), each.links)
        await conn.execute("UPDATE currencies SET enabled = code = 'USD'")
        await each.ensure()
    found = await sandbox.stripe(f"payment_links/{link['id']}")
    assert found["active"], "a link saved by hand is not touched"
    assert found["metadata"]["installation"] == str(await conn.fetchval("SELECT id FROM installation"))
    await all_processed(conn, at_least=3)
    assert await conn.fetchval("SELECT sum(amount) FROM settlements") == 50


async def test_a_link_that_cannot_be_asked_about_waits(pod, sandbox, conn):
    link = await make_link(sandbox)
    await conn.execute(INSERT, "stripe", "usd", link["url"])
    await sandbox.fault("status_before", path="checkout/sessions", method="GET", status=403, times=2)
    await pay_through(sandbox, link["url"])
    await all_processed(conn, at_least=3)
    assert await conn.fetchval("SELECT sum(amount) FROM settlements") == 50
