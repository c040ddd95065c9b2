"""Coins that live on several networks, and memos: what is published, what is not, and who is told why."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hingecraft.identity.principal import Actor
from hingecraft.migrations.command import bring_up_to_date
from hingecraft.routes import service as routes
from support import published_routes

ADMIN = Actor(name="admin", request_id="r-1")
WALLET = "INSERT INTO wallets (coin, wallet_address, network, memo) VALUES ($1, $2, $3, $4) RETURNING id"


async def route_of(database, coin: str) -> dict[str, Any]:
    await routes.publish(database)
    newest = await published_routes.newest(database)
    assert newest is not None
    return json.loads(newest.routes)[coin]


async def wallet_of(database, coin):
    return (await route_of(database, coin))["wallet"]


@pytest.mark.parametrize("coin", ["usdt", "USDC"])
@pytest.mark.parametrize("network", [None, "", " ", "-", "Trom"])
async def test_a_stablecoin_without_a_known_network_is_not_published_and_says_why(conn, database, coin, network):
    told = []
    conn.add_log_listener(lambda _, message: told.append(message.message))
    row = await conn.fetchval(WALLET, coin, "TAddress", network, None)
    (warning,) = told
    assert "saved but not published" in warning
    assert "set network to" in warning
    assert "SOLANA" in warning
    assert await wallet_of(database, coin.upper()) is None
    (problem,) = await routes.problems(database)
    assert (problem.kind, problem.id, problem.currency) == ("wallet", row, coin.upper())
    assert warning.endswith(problem.problem)


@pytest.mark.parametrize("written", ["TRC20", "trc-20", " Tron ", "TRX", "Trc 20"])
async def test_a_stablecoin_shows_its_network_however_the_owner_writes_it(conn, database, written):
    await conn.execute(WALLET, "USDT", "TAddress", written, None)
    assert await wallet_of(database, "USDT") == {
        "address": "TAddress", "uri": "TAddress", "network": "TRC20", "networkName": "Tron (TRC-20)"
    }  # fmt: skip
    assert await routes.problems(database) == []


@pytest.mark.parametrize(
    ("coin", "network", "memo", "uri"),
    [
        ("BTC", None, None, "bitcoin:A"), ("ETH", None, None, "ethereum:A@1"), ("XRP", None, None, "xrpl://A"),
        ("XRP", None, "123456", "xrpl://A?dt=123456"), ("XLM", None, None, "web+stellar:pay?destination=A"),
        ("XLM", None, "hc-1", "web+stellar:pay?destination=A&memo=hc-1"),
        ("USDT", "erc20", None, "ethereum:0xdAC17F958D2ee523a2206206994597C13D831ec7@1/transfer?address=A"),
        ("USDC", "sol", None, "solana:A?spl-token=EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"),
        ("USDC", "stellar", "77", "A"), ("BTC", "Liquid", None, "A"),
    ],
)  # fmt: skip
async def test_a_link_names_network_and_memo_where_its_form_can(conn, database, coin, network, memo, uri):
    await conn.execute(WALLET, coin, "A", network, memo)
    wallet = await wallet_of(database, coin)
    assert (wallet["uri"], wallet.get("memo")) == (uri, memo)
    assert ("networkName" in wallet) is (network is not None)


async def test_a_network_that_nobody_lists_is_shown_as_it_is_written(conn, database):
    await conn.execute(WALLET, "BTC", "A", "Liquid", None)
    wallet = await wallet_of(database, "BTC")
    assert (wallet["network"], wallet["networkName"]) == ("LIQUID", "Liquid")


@pytest.mark.parametrize(
    ("coin", "memo", "said"),
    [("XRP", "with a space", "A memo has at most 64"), ("XLM", "x&amount=9", "A memo has at most 64"),
     ("BTC", "123", "cannot carry a memo"), ("bitcoin", None, "is not the code of a coin"),
     ("USD", None, "is not the code of a coin"), (None, None, "is not the code of a coin")],
)  # fmt: skip
async def test_a_wallet_that_would_mislead_is_not_published(conn, database, coin, memo, said):
    await conn.execute(WALLET, coin, "A", None, memo)
    (problem,) = await routes.problems(database)
    assert said in problem.problem
    await routes.publish(database)
    assert '"wallet": {' not in (await published_routes.newest(database)).routes


async def test_an_older_wallet_that_is_complete_takes_the_coin(conn, database):
    await conn.execute(WALLET, "USDT", "complete", "TRC20", None)
    await conn.execute("UPDATE wallets SET created_at = now() - interval '1 day'")
    await conn.execute(WALLET, "USDT", "newer", None, None)
    assert (await wallet_of(database, "USDT"))["address"] == "complete"


async def test_which_networks_a_coin_has_is_data(conn, database):
    await conn.execute(WALLET, "USDT", "A", "Plasma", None)
    assert await wallet_of(database, "USDT") is None
    await conn.execute("INSERT INTO currency_networks (currency, network, name) VALUES ('USDT', 'PLASMA', 'Plasma')")
    assert (await wallet_of(database, "USDT"))["networkName"] == "Plasma"
    await conn.execute("INSERT INTO currency_networks (currency, network, name) VALUES ('LTC', 'LITECOIN', 'Litecoin')")
    await conn.execute(WALLET, "LTC", "A", None, None)
    assert await wallet_of(database, "LTC") is None


async def test_a_pin_does_not_bring_back_a_stablecoin_without_a_network(conn, database):
    """It goes back to a version that was published before wallets had networks."""
    await conn.execute(WALLET, "USDT", "TAddress", "TRC20", None)
    route = await route_of(database, "USDT")
    old = {"USDT": {**route, "wallet": {"address": "T", "uri": "T"}, "provider": "wallet"}, "BTC": None}
    old["BTC"] = {**(await route_of(database, "BTC")), "wallet": {"address": "b", "uri": "bitcoin:b"}}
    await conn.execute(
        "INSERT INTO payment_routes (version, routes, checksum) VALUES (40, $1, repeat('0', 64))", json.dumps(old)
    )
    await conn.execute("UPDATE route_policy SET disabled_providers = '{nowpayments}'")
    await routes.pin(database, 40, ADMIN)
    usdt, btc = await route_of(database, "USDT"), await route_of(database, "BTC")
    assert (usdt["wallet"], usdt["available"], usdt["provider"]) == (None, False, "nowpayments")
    assert (btc["wallet"]["address"], btc["available"], btc["provider"]) == ("b", True, "wallet")


async def test_the_old_software_goes_on_writing_wallets_with_no_right_to_read_our_tables(dsn, conn):
    await conn.execute("CREATE ROLE hc_old_software NOLOGIN")
    try:
        await conn.execute("GRANT INSERT, UPDATE, SELECT ON wallets TO hc_old_software")
        await bring_up_to_date(dsn, "hingecraft_app", lambda _line: None)
        await conn.execute("SET ROLE hc_old_software")
        await conn.execute("INSERT INTO wallets (coin, wallet_address) VALUES ('usdt', 'A')")
        await conn.execute("UPDATE wallets SET wallet_address = 'B'")
    finally:
        await conn.execute("RESET ROLE; DROP OWNED BY hc_old_software; DROP ROLE hc_old_software")
    assert await conn.fetchval("SELECT wallet_address FROM wallets") == "B"


async def test_links_that_pages_do_not_open_are_told_to_the_owner(conn, database):
    saved = "INSERT INTO external_payments (gateway, currency, provider_url) VALUES ('stripe', $1, $2)"
    for url in ("https://buy.stripe.com/x", "https://NOWPAYMENTS.io/payment/?iid=1", "http://127.0.0.1:8092/x"):
        await conn.execute(saved, "eur", url)
    for number, url in enumerate(
        ("https://example.com/give", "https://buy.stripe.com.evil.example/", "https://buy.stripe.com@evil.example/")
    ):
        await conn.execute(saved, f"usd{number}", url)
    found = await routes.problems(database)
    elsewhere = {("link", "USD0"), ("link", "USD1"), ("link", "USD2")}
    assert {(each.kind, each.currency) for each in found} == {("link", "EUR"), *elsewhere}
    assert [each.currency for each in found if "not published" in each.problem] == ["EUR"], "Stripe was not asked yet"
    assert any("leads to example.com, which is not a payment page" in each.problem for each in found)
    await conn.execute("UPDATE external_payments SET status = 'expired'")
    assert await routes.problems(database) == []
