"""Standing links that we keep: one of Stripe's for each currency, and what the routes make of them."""

from __future__ import annotations

import json

import asyncpg
import pytest

from hingecraft.providers.port import ProviderUnknownError
from hingecraft.routes import service as routes
from support import published_routes
from support.reconciling import command, reconcile, summary_of
from support.standing_links import AUTH, keeper, link_at, make_link

FEW = "UPDATE currencies SET enabled = code IN ('USD', 'JPY', 'KWD', 'BTC')"
LINK_OF = "SELECT provider_id, provider_url, status FROM external_payments WHERE kind = 'standing' AND currency = $1"


@pytest.fixture
async def kept(dsn, sandbox, conn):
    await conn.execute(FEW)
    async with keeper(dsn, sandbox) as found:
        yield found


@pytest.fixture
async def other_conn(other_dsn):
    connection = await asyncpg.connect(other_dsn.newest)
    await connection.execute(FEW)
    yield connection
    await connection.close()


@pytest.fixture
def keep(kept):
    return kept.ensure


async def routed(database, code):
    await routes.publish(database)
    return json.loads((await published_routes.newest(database)).routes)[code]


async def links_of(sandbox, conn, **wanted):
    """The links of this test's database at the sandbox, which other tests share."""
    ours = str(await conn.fetchval("SELECT id FROM installation"))
    found = (await sandbox.stripe("payment_links?limit=100"))["data"]
    mine = [link for link in found if link["metadata"].get("installation") == ours]
    return [link for link in mine if all(link[name] == value for name, value in wanted.items())]


async def test_each_currency_gets_one_link_and_the_routes_show_it(keep, database, sandbox, conn):
    first = await keep()
    assert (first.wanted, first.made, first.switched_off) == (3, 3, 0)
    again = await keep()
    assert again.changes == 0
    assert len(await links_of(sandbox, conn, active=True)) == 3
    route = await routed(database, "JPY")
    assert route["url"].startswith(f"{sandbox.address}/pay/stripe/l/")
    assert (await routed(database, "BTC"))["url"] is None


async def test_other_bounds_are_another_link(keep, database, conn):
    await keep()
    before = (await routed(database, "USD"))["url"]
    await conn.execute("UPDATE currencies SET max_amount = 500 WHERE code = 'USD'")
    changed = await keep()
    assert changed.switched_off == 1
    after = (await routed(database, "USD"))["url"]
    assert before != after
    await conn.execute("UPDATE currencies SET max_amount = 100000 WHERE code = 'USD'")
    back = await keep()
    assert (back.switched_on, back.switched_off) == (1, 1)
    assert (await routed(database, "USD"))["url"] == before


async def test_a_currency_or_stripe_switched_off_takes_its_links_along(keep, database, sandbox, conn):
    await keep()
    await conn.execute("UPDATE currencies SET enabled = false WHERE code = 'JPY'")
    assert (await keep()).switched_off == 1
    await conn.execute("UPDATE route_policy SET disabled_providers = '{stripe}'")
    assert (await keep()).switched_off == 2
    assert await links_of(sandbox, conn, active=True) == []
    assert (await routed(database, "USD"))["url"] is None
    await conn.execute("UPDATE route_policy SET disabled_providers = '{}'")
    assert (await keep()).switched_on == 2


async def test_after_a_loss_of_our_data_the_same_links_are_found_again(keep, database, conn):
    await keep()
    before = (await routed(database, "USD"))["url"]
    await conn.execute("DELETE FROM external_payments")
    assert (await keep()).made == 0
    assert (await routed(database, "USD"))["url"] == before


async def test_a_link_brings_its_payer_back_and_is_changed_with_the_site(keep, dsn, sandbox, conn):
    await keep()
    row = await conn.fetchrow(LINK_OF, "USD")
    redirect = (await link_at(sandbox, row["provider_id"]))["after_completion"]["redirect"]["url"]
    assert redirect == "https://www.example.com/charter?status=success&session_id={CHECKOUT_SESSION_ID}"
    async with keeper(dsn, sandbox, site_url="https://give.example.com") as moved:
        would = await moved.ensure(dry_run=True)
        assert (would.updated, would.made) == (3, 0)
        changed = await moved.ensure()
        assert (changed.updated, changed.made) == (3, 0)
        assert (await moved.ensure()).changes == 0
    link = await link_at(sandbox, row["provider_id"])
    assert link["after_completion"]["redirect"]["url"].startswith("https://give.example.com/charter?")
    assert link["url"] == row["provider_url"], "pages that are open go on using it"


@pytest.mark.usefixtures("other_conn")
async def test_two_databases_on_one_account_do_not_touch_each_others_links(keep, other_dsn, sandbox, conn):
    await keep()
    row = await conn.fetchrow(LINK_OF, "JPY")
    async with keeper(other_dsn, sandbox) as other:
        await other.ensure()
        assert (await link_at(sandbox, row["provider_id"]))["active"]
        assert (await keep()).changes == 0
        assert len(await links_of(sandbox, conn, active=True)) == 3
        assert (await other.ensure()).changes == 0


async def former(sandbox, conn):
    """A link as versions before 016 made it, with its row."""
    link = await sandbox.ask(
        "POST", "/v1/payment_links", headers=AUTH,
        data={"line_items[0][price]": await _a_price(sandbox), "line_items[0][quantity]": "1",
              "metadata[hingecraft_link]": "hc_link_test_usd_100_10000000",
              "payment_intent_data[metadata][hingecraft_link]": "hc_link_test_usd_100_10000000"},
    )  # fmt: skip
    await save_former(conn, link)
    return link


async def save_former(conn, link):
    await conn.execute(
        "INSERT INTO external_payments (gateway, provider, provider_id, provider_url, currency, kind, status, "
        "idempotency_key, request) VALUES ('stripe', 'stripe', $1, $2, 'USD', 'standing', 'pending', "
        "'hc_link_test_usd_100_10000000', '{}')", link["id"], link["url"],
    )  # fmt: skip


async def _a_price(sandbox):
    price = await sandbox.ask(
        "POST", "/v1/prices", headers=AUTH,
        data={"currency": "usd", "custom_unit_amount[enabled]": "true", "custom_unit_amount[minimum]": "100",
              "custom_unit_amount[maximum]": "10000000", "product_data[name]": "Donation"},
    )  # fmt: skip
    return price["id"]


@pytest.mark.usefixtures("other_conn")
async def test_a_link_of_an_older_version_is_adopted_by_the_database_that_has_its_row(
    keep, database, other_dsn, sandbox, conn
):
    link = await former(sandbox, conn)
    async with keeper(other_dsn, sandbox) as other:
        await other.ensure()
        assert (await link_at(sandbox, link["id"]))["active"], "a database without its row does not touch it"
        await routed(database, "USD")
        versions = await conn.fetchval("SELECT count(*) FROM payment_routes")
        adopted = await keep()
        assert (adopted.made, adopted.updated) == (2, 1)
        found = await link_at(sandbox, link["id"])
        assert found["metadata"]["installation"] == str(await conn.fetchval("SELECT id FROM installation"))
        assert "redirect" in found["after_completion"]
        assert (await routed(database, "USD"))["url"] == link["url"], "its address stays published"
        assert await conn.fetchval("SELECT count(*) FROM payment_routes") == versions + 1
        await other.ensure()
    assert (await keep()).changes == 0


async def test_a_shared_link_of_an_older_version_stays_with_the_first_and_the_second_makes_its_own(
    keep, other_dsn, sandbox, conn, other_conn
):
    link = await former(sandbox, conn)
    await save_former(other_conn, link)
    await keep()
    async with keeper(other_dsn, sandbox) as other:
        assert (await other.ensure()).made == 3
        assert (await other.ensure()).changes == 0
    rows = await other_conn.fetch(LINK_OF, "USD")
    assert {row["provider_id"] == link["id"]: row["status"] for row in rows} == {True: "expired", False: "pending"}
    assert (await keep()).changes == 0
    assert (await link_at(sandbox, link["id"]))["active"]


async def test_the_published_link_takes_no_more_than_amount_max_and_no_less_than_amount_min(dsn, sandbox, conn):
    await conn.execute(FEW)
    bounds = {"AMOUNT_MIN": "5", "AMOUNT_MAX": "500"}
    for arguments in (("links", "ensure"), ("reconcile", "--once")):
        code, _, complained = await command(dsn, {**sandbox.environment, **bounds}, *arguments)
        assert code == 0, complained
        (key,) = await conn.fetch(
            "SELECT idempotency_key FROM external_payments WHERE kind = 'standing' AND currency = 'USD' "
            "AND status = 'pending'"
        )
        assert key[0].endswith("_test_usd_500_50000")
    prices = (await sandbox.stripe(f"prices?lookup_keys[0]={key[0]}"))["data"]
    assert [price["custom_unit_amount"]["maximum"] for price in prices] == [50_000]


async def test_bounds_that_stripe_cannot_count_are_drawn_in(keep, sandbox, conn):
    await conn.execute("UPDATE currencies SET min_amount = 0.305, max_amount = 99.999 WHERE code = 'KWD'")
    assert (await keep()).problems == []
    key = await conn.fetchval("SELECT idempotency_key FROM external_payments WHERE currency = 'KWD'")
    assert key.endswith("_test_kwd_310_99990")


async def test_one_currency_that_has_no_link_keeps_none_of_the_others_from_theirs(dsn, sandbox, conn):
    """JPY comes before USD, and KWD after it in no list: the loop goes on."""
    await conn.execute(FEW)
    await conn.execute("UPDATE currencies SET min_amount = 0.301, max_amount = 0.309 WHERE code = 'KWD'")
    await sandbox.fault("status_before", method="POST", path="prices", status=400)
    code, said, complained = await command(dsn, sandbox.environment, "reconcile", "--once")
    assert (code, "Traceback" in complained) == (1, False)
    found = summary_of(said)
    assert found["errors"] == 2
    assert any("KWD" in reason and "widen its bounds" in reason for reason in found["reasons"])
    assert any(reason.startswith("no standing link for JPY: Stripe answered 400") for reason in found["reasons"])
    assert await conn.fetchval("SELECT count(*) FROM reconcile_runs") == 1
    kept = await conn.fetch("SELECT currency FROM external_payments WHERE kind = 'standing'")
    assert [row["currency"] for row in kept] == ["USD"]
    code, said, _ = await command(dsn, sandbox.environment, "links", "ensure")
    assert code == 1
    assert "JPY" in said


async def test_stripe_away_in_the_middle_is_said_and_the_next_run_goes_on(dsn, sandbox, conn, monkeypatch):
    await conn.execute(FEW)
    async with keeper(dsn, sandbox) as each:
        monkeypatch.setattr("hingecraft.providers.stripe.payment_links._CALL", 1.0)
        await sandbox.fault("status_before", method="POST", path="payment_links", status=500, times=99)
        with pytest.raises(ProviderUnknownError):
            await each.ensure()
        await sandbox.ask("DELETE", "/_sandbox/switches")
        assert (await each.ensure()).made == 3


@pytest.mark.parametrize("path", ["/v1/prices", "/v1/payment_links"])
async def test_a_link_whose_500_is_kept_is_made_under_another_key(keep, sandbox, conn, path):
    """Otherwise its currency would have no link for a day."""
    await sandbox.fault("status_kept", path=path, method="POST", times=1)
    found = await keep()
    assert (found.made, found.problems) == (3, [])
    assert len(await links_of(sandbox, conn, active=True)) == 3


async def test_a_link_that_stripe_finished_behind_a_500_does_not_replace_the_published_one(keep, sandbox, conn):
    await keep()
    published = await conn.fetchrow(LINK_OF, "USD")
    (link,) = await links_of(sandbox, conn, id=published["provider_id"])
    marks = {f"metadata[{name}]": value for name, value in link["metadata"].items()}
    twin = await make_link(sandbox, **marks)
    assert (await keep()).changes == 0
    assert await conn.fetchrow(LINK_OF, "USD") == published
    assert await conn.fetchval("SELECT count(*) FROM external_payments WHERE provider_id = $1", twin["id"]) == 0


async def test_an_archived_price_or_product_does_not_keep_a_currency_without_a_link(keep, sandbox, conn):
    await keep()
    for kind, archived in (("prices", "id"), ("products", "product")):
        row = await conn.fetchrow(LINK_OF, "USD")
        key = await conn.fetchval(
            "SELECT idempotency_key FROM external_payments WHERE provider_id = $1", row["provider_id"]
        )
        (price,) = (await sandbox.stripe(f"prices?lookup_keys[0]={key}"))["data"]
        await sandbox.ask("POST", f"/v1/{kind}/{price[archived]}", headers=AUTH, data={"active": "false"})
        # The link itself is gone as well, as when an account was cleared.
        await sandbox.change("payment_links", row["provider_id"], metadata={}, active=False)
        await conn.execute("DELETE FROM external_payments WHERE currency = 'USD'")
        found = await keep()
        assert (found.made, found.problems) == (1, [])


async def test_a_payer_of_a_link_says_how_much(keep, database, sandbox):
    await keep()
    url = (await routed(database, "USD"))["url"]
    path = url.removeprefix(sandbox.address)
    page = await sandbox.ask("GET", path)
    assert "Give what you like" in page
    assert 'value="10.00"' in page
    shown = await sandbox.ask("POST", f"{path}/begin", data={"amount": "25"})
    assert "25.00 USD" in shown


async def test_a_dry_run_makes_nothing(dsn, sandbox, conn):
    await conn.execute(FEW)
    found = await reconcile(dsn, sandbox.settings, dry_run=True)
    assert found.links_changed == 3
    assert await conn.fetchval("SELECT count(*) FROM external_payments") == 0
    assert await links_of(sandbox, conn) == []


async def test_bounds_that_do_not_fit_the_currency_are_refused_by_the_database(conn):
    with pytest.raises(asyncpg.CheckViolationError, match="currencies_bounds_fit_exponent"):
        await conn.execute("UPDATE currencies SET min_amount = 0.5 WHERE code = 'JPY'")


async def test_links_without_keys_and_with_a_provider_that_is_away(dsn, sandbox):
    code, _, complained = await command(dsn, {**sandbox.environment, "STRIPE_SECRET": ""}, "links", "ensure")
    assert (code, "STRIPE_SECRET is not set" in complained) == (2, True)
    await sandbox.fault("status_before", status=403, times=9)
    code, _, complained = await command(dsn, sandbox.environment, "links", "ensure")
    assert (code, "run it again" in complained) == (1, True)
