from __future__ import annotations

import asyncio
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hingecraft.db.connection import Database
from hingecraft.errors import ConflictError, DatabaseUnavailableError, MissingError
from hingecraft.identity.principal import Actor
from hingecraft.routes import service as routes
from hingecraft.routes import store
from hingecraft.routes.model import PolicyChange
from support import published_routes

ADMIN = Actor(name="admin", request_id="r-1")
LINK = "INSERT INTO external_payments (gateway, currency, provider_url) VALUES ($1, $2, $3) RETURNING id"


async def published(database, code: str) -> dict[str, Any]:
    await routes.publish(database)
    newest = await published_routes.newest(database)
    assert newest is not None
    return json.loads(newest.routes).get(code)


async def test_an_unchanged_document_publishes_nothing(database):
    first = await routes.publish(database)
    assert (first.changed, first.version) == (False, 1)


async def test_the_checksum_is_over_the_text_of_the_routes(database):
    newest = await published_routes.newest(database)
    assert newest.checksum == hashlib.sha256(newest.routes.encode()).hexdigest()


async def test_every_currency_that_is_enabled_has_a_route(conn, database):
    await conn.execute("UPDATE currencies SET enabled = false WHERE code = 'CHF'")
    await routes.publish(database)
    newest = json.loads((await published_routes.newest(database)).routes)
    enabled = await conn.fetchval("SELECT array_agg(code) FROM currencies WHERE enabled")
    assert set(newest) == set(enabled)
    assert len(newest) > 130
    for route in newest.values():
        assert {"currency", "name", "symbol", "kind", "provider", "available", "url", "generate", "wallet"} <= set(
            route
        )


async def test_an_insert_makes_a_new_currency_live(conn, database):
    await conn.execute("INSERT INTO currencies (code, name, symbol) VALUES ('XTS', 'Test money', 'T')")
    assert (await published(database, "XTS"))["available"] is True


async def test_a_link_saved_by_hand_is_published_and_the_newest_wins(conn, database):
    await conn.execute(LINK, "Stripe", " usd ", "https://buy.example/1")
    assert (await published(database, "USD"))["url"] == "https://buy.example/1"
    await conn.execute(LINK, "paypal", "USD", "https://buy.example/2")
    route = await published(database, "USD")
    assert (route["url"], route["provider"]) == ("https://buy.example/2", "paypal")
    assert "amount" not in route
    assert "expiresAt" not in route


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "http://buy.example/1", "ftp://x", "", "//buy.example", "http://localhost.evil.example/"],
)
async def test_a_link_that_no_page_may_open_is_not_published(conn, database, url):
    await conn.execute(LINK, "stripe", "usd", url)
    assert (await published(database, "USD"))["url"] is None


async def test_amounts_are_written_as_they_are(conn, database):
    link = await conn.fetchval(LINK, "stripe", "usd", "https://buy.example/1")
    await conn.execute("UPDATE external_payments SET amount = 37.50 WHERE id = $1", link)
    await routes.publish(database)
    assert '"amount": 37.5}' in (await published_routes.newest(database)).routes.replace(
        '"amount": 37.5,', '"amount": 37.5}'
    )


async def test_a_link_that_expires_leaves_and_the_document_says_when(conn, database):
    link = await conn.fetchval(LINK, "stripe", "eur", "https://buy.example/1")
    soon = datetime.now(UTC) + timedelta(hours=1)
    await conn.execute("UPDATE external_payments SET expires_at = $2 WHERE id = $1", link, soon)
    publication = await routes.publish(database)
    assert abs((publication.next_expiry - soon).total_seconds()) < 0.01
    assert (await published(database, "EUR"))["expiresAt"].startswith(soon.isoformat()[:19])
    await conn.execute("UPDATE external_payments SET expires_at = now() WHERE id = $1", link)
    assert (await published(database, "EUR"))["url"] is None


@pytest.mark.parametrize("status", ["expired", "completed", "failed", "canceled", "anything"])
async def test_a_link_that_is_not_open_is_not_published(conn, database, status):
    link = await conn.fetchval(LINK, "stripe", "usd", "https://buy.example/1")
    await conn.execute("UPDATE external_payments SET status = $2 WHERE id = $1", link, status)
    assert (await published(database, "USD"))["url"] is None


async def test_the_newest_wallet_is_the_fallback_of_a_coin(conn, database):
    await conn.execute(
        "INSERT INTO wallets (coin, wallet_address, created_at) VALUES ('btc', 'older', now() - '1d'::interval)"
    )
    await conn.execute("INSERT INTO wallets (coin, wallet_address) VALUES (' Btc ', 'newer'), ('usd', 'no-coin')")
    assert (await published(database, "BTC"))["wallet"] == {"address": "newer", "uri": "bitcoin:newer"}
    assert (await published(database, "USD"))["wallet"] is None
    await routes.change_policy(database, PolicyChange(providers={"nowpayments": False}), ADMIN)
    btc, eth = await published(database, "BTC"), await published(database, "ETH")
    assert (btc["provider"], btc["available"]) == ("wallet", True)
    assert (eth["provider"], eth["available"]) == ("nowpayments", False)


SINGLE = """
WITH p AS (INSERT INTO payments (amount, currency, status) VALUES (5, 'USD', 'pending') RETURNING id)
INSERT INTO external_payments (payment_id, gateway, provider, currency, amount, kind, provider_url, carries_email,
                               idempotency_key, request)
SELECT id, 'stripe', 'stripe', 'USD', 5, 'single', $1, $2, 'key', '{}' FROM p RETURNING payment_id
"""


async def test_a_single_payers_session_is_published_only_where_the_policy_says_so(conn, database):
    await conn.execute(SINGLE, "https://pay.example/once", False)
    assert (await published(database, "USD"))["url"] is None
    await routes.change_policy(database, PolicyChange(providers={}, single_use_checkouts=True), ADMIN)
    route = await published(database, "USD")
    assert (route["url"], route["amount"]) == ("https://pay.example/once", 5)
    payment = await conn.fetchval(SINGLE, "https://pay.example/personal", True)
    assert (await published(database, "USD"))["url"] == "https://pay.example/once"
    payment = await conn.fetchval(SINGLE, "https://pay.example/twice", False)
    assert (await published(database, "USD"))["url"] == "https://pay.example/twice"
    await conn.execute("UPDATE payments SET status = 'completed' WHERE id = $1", payment)
    assert (await published(database, "USD"))["url"] == "https://pay.example/once"


async def test_a_provider_that_is_switched_off_takes_its_links_along(conn, database):
    await conn.execute(LINK, "stripe", "usd", "https://buy.example/1")
    await routes.change_policy(database, PolicyChange(providers={"stripe": False}), ADMIN)
    route = await published(database, "USD")
    assert (route["url"], route["available"]) == (None, False)


async def test_while_paused_nothing_is_published(conn, database):
    await routes.change_policy(database, PolicyChange(providers={}, paused=True), ADMIN)
    await conn.execute(LINK, "stripe", "usd", "https://buy.example/1")
    assert (await routes.publish(database)).changed is False
    with pytest.raises(ConflictError, match="paused"):
        await routes.refresh(database, ADMIN)
    await routes.change_policy(database, PolicyChange(providers={}, paused=False), ADMIN)
    assert (await routes.refresh(database, ADMIN)).changed is True


async def test_a_pin_publishes_old_routes_as_a_new_version_until_it_ends(conn, database):
    await conn.execute(LINK, "stripe", "usd", "https://buy.example/good")
    good = await routes.publish(database)
    await conn.execute(LINK, "stripe", "usd", "https://buy.example/bad")
    bad = await routes.publish(database)
    pinned = await routes.pin(database, good.version, ADMIN)
    assert pinned.version == bad.version + 1
    newest = await published_routes.newest(database)
    assert newest.restored_from == good.version
    assert newest.checksum == good.checksum
    await conn.execute(LINK, "stripe", "usd", "https://buy.example/later")
    assert (await routes.publish(database)).changed is False
    unpinned = await routes.pin(database, None, ADMIN)
    assert unpinned.version == pinned.version + 1
    assert (await published_routes.newest(database)).restored_from is None
    assert (await published(database, "USD"))["url"] == "https://buy.example/later"


async def test_a_pin_leaves_out_what_is_disabled_or_expired_now(conn, database):
    closing = await conn.fetchval(LINK, "stripe", "usd", "https://buy.example/closing")
    expiring = await conn.fetchval(LINK, "stripe", "eur", "https://buy.example/expiring")
    await conn.execute(LINK, "nowpayments", "btc", "https://buy.example/btc")
    await conn.execute(LINK, "stripe", "jpy", "https://buy.example/deleted")
    await conn.execute("INSERT INTO wallets (coin, wallet_address) VALUES ('btc', 'address')")
    soon = datetime.now(UTC) + timedelta(hours=1)
    await conn.execute("UPDATE external_payments SET expires_at = $2 WHERE id = $1", expiring, soon)
    then = await routes.publish(database)
    assert json.loads((await published_routes.newest(database)).routes)["EUR"]["url"] is not None
    await conn.execute("UPDATE external_payments SET status = 'expired' WHERE id = $1", closing)
    await conn.execute("DELETE FROM external_payments WHERE currency = 'jpy'")
    await conn.execute("UPDATE currencies SET enabled = false WHERE code = 'CHF'")
    await routes.change_policy(database, PolicyChange(providers={"nowpayments": False}), ADMIN)
    await conn.execute("UPDATE external_payments SET expires_at = now() WHERE id = $1", expiring)
    await routes.pin(database, then.version, ADMIN)
    restored = json.loads((await published_routes.newest(database)).routes)
    assert restored["USD"]["url"] is None
    assert restored["EUR"]["url"] is None
    assert "expiresAt" not in restored["EUR"]
    assert (restored["BTC"]["url"], restored["BTC"]["provider"], restored["BTC"]["available"]) == (None, "wallet", True)
    assert restored["JPY"]["url"] == "https://buy.example/deleted", "a pin brings back what was deleted by mistake"
    assert "CHF" not in restored


async def test_only_a_kept_version_can_be_pinned(database):
    with pytest.raises(MissingError, match="Version 99"):
        await routes.pin(database, 99, ADMIN)


async def test_fields_that_a_resource_sets_are_left_to_it(conn, database):
    await conn.execute("UPDATE route_policy SET managed = '{paused,pinVersion,providers.stripe}'")
    for change in (PolicyChange(providers={"stripe": False}), PolicyChange(providers={}, paused=True)):
        with pytest.raises(ConflictError) as error:
            await routes.change_policy(database, change, ADMIN)
        assert error.value.code == "managed_by_resource"
    with pytest.raises(ConflictError):
        await routes.pin(database, 1, ADMIN)
    await routes.change_policy(database, PolicyChange(providers={"nowpayments": False}), ADMIN)


async def test_what_an_admin_does_is_in_the_audit_log(conn, database):
    await routes.change_policy(database, PolicyChange(providers={"stripe": False}), ADMIN)
    await routes.refresh(database, ADMIN)
    await routes.pin(database, 1, ADMIN)
    await routes.pin(database, None, ADMIN)
    actions = await conn.fetchval("SELECT array_agg(action ORDER BY id) FROM payment_audit WHERE request_id = 'r-1'")
    assert actions == ["policy_changed", "routes_refreshed", "routes_pinned", "routes_unpinned"]


@pytest.mark.usefixtures("patient")
async def test_many_publishers_at_once_make_one_version_of_one_change(conn, database):
    await conn.execute(LINK, "stripe", "usd", "https://buy.example/1")
    publications = await asyncio.gather(*(routes.publish(database) for _ in range(8)))
    assert sorted(p.changed for p in publications) == [False] * 7 + [True]
    assert {p.version for p in publications} == {2}


async def test_a_version_goes_above_what_a_pod_serves_after_a_backup_was_restored(database):
    assert (await routes.publish(database, above=1)).changed is False, "this database has published it"
    assert (await routes.publish(database, above=40)).version == 41
    assert (await routes.publish(database)).changed is False


async def test_the_statement_is_not_compiled_which_takes_a_hundred_times_longer_than_running_it(database):
    """Debian's Postgres compiles by default; the wheel's cannot, so only the setting is looked at."""
    async with database.transaction() as conn:
        await store.rebuild(conn, 0)
        assert await conn.fetchval("SHOW jit") == "off"


async def test_a_publisher_that_stops_in_the_middle_does_not_hold_up_the_others(conn, database):
    held = conn.transaction()
    await held.start()
    await conn.execute("SET LOCAL idle_in_transaction_session_timeout = '500ms'")
    await conn.execute("SELECT pg_advisory_xact_lock(hashtext('hingecraft.routes'))")
    assert (await routes.publish(database)).version == 1
    with pytest.raises(Exception, match=r"closed|terminated|idle"):
        await held.rollback()


async def test_history_is_pruned_to_the_last_five_hundred_but_keeps_what_is_pinned(conn, database):
    await routes.pin(database, 1, ADMIN)
    await conn.execute(
        "INSERT INTO payment_routes (version, routes, checksum) "
        "SELECT n, '{}', repeat('0', 64) FROM generate_series(10, 700) n"
    )
    await conn.execute(LINK, "stripe", "usd", "https://buy.example/1")
    await conn.execute("UPDATE route_policy SET disabled_providers = '{stripe}'")
    newest = (await routes.publish(database)).version
    assert newest == 701
    kept = await conn.fetchval("SELECT array_agg(version ORDER BY version) FROM payment_routes")
    assert kept[0] == 1
    assert kept[1] == 202
    assert len(kept) == 501


async def test_versions_are_listed_page_by_page(conn, database):
    for number in range(5):
        await conn.execute(LINK, "stripe", "usd", f"https://buy.example/{number}")
        await routes.publish(database)
    seen, before = [], None
    while True:
        page, before = await routes.versions(database, before=before, limit=4)
        seen += [row["version"] for row in page]
        if before is None:
            break
    assert seen == [6, 5, 4, 3, 2, 1]


async def test_without_postgres_the_error_is_ours(database, dsn):
    away = Database(type(dsn)("postgresql://hingecraft@127.0.0.1:1/none"), application="test")
    with pytest.raises(DatabaseUnavailableError):
        await published_routes.newest(away)
    await away.close()
