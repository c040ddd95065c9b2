"""The answers to a donor who sends coins to a wallet."""

from __future__ import annotations

import json
from decimal import Decimal
from uuid import UUID

import pytest

from hingecraft.money.model import Currency
from hingecraft.providers.wallet import Wallet
from support.pods import ADMIN, running_pod

GENERATE = "/charter/generate-payment"
WALLET = "INSERT INTO wallets (coin, wallet_address, network, memo) VALUES ($1, $2, $3, $4)"
KEY = {"Idempotency-Key": "a-key-of-this-test-1"}


async def give(pod, currency, amount=15, **more):
    status, answer = await pod.call("POST", GENERATE, json={"amount": amount, "currency": currency}, **more)
    assert status == 200, answer
    return answer["data"]


async def below_the_minimum(sandbox, *coins):
    await sandbox.ask("PUT", "/_sandbox/minimums", json=dict.fromkeys(coins, 1000))


async def test_a_wallet_says_network_memo_and_how_many_coins(pod, sandbox, conn):
    await conn.execute(WALLET, "usdt", "TAddress", "tron", None)
    await conn.execute(WALLET, "xrp", "rAddress", None, "4711")
    await below_the_minimum(sandbox, "usdttrc20", "xrp")
    wallet = (await give(pod, "USDT"))["wallet"]
    assert wallet.pop("qr").startswith("data:image/png;base64,")
    assert wallet == {
        "coin": "USDT", "address": "TAddress", "uri": "TAddress", "network": "TRC20", "networkName": "Tron (TRC-20)",
        "amount": "15",
    }  # fmt: skip
    wallet = (await give(pod, "XRP"))["wallet"]
    assert (wallet["memo"], wallet["uri"]) == ("4711", f"xrpl://rAddress?dt=4711&amount={wallet['amount']}")
    assert 6.8 < float(wallet["amount"]) < 6.9


@pytest.mark.parametrize("how", [{"act": "status_before", "status": 500}, {"act": "timeout_before", "seconds": 120}])
async def test_without_an_estimate_no_amount_is_made_up_and_nobody_waits(pod, sandbox, conn, how):
    await conn.execute(WALLET, "btc", "bc1", None, None)
    await below_the_minimum(sandbox, "btc")
    await sandbox.fault(path="estimate", times=99, **how)
    wallet = (await give(pod, "BTC"))["wallet"]
    (fault,) = (await sandbox.ask("GET", "/_sandbox/switches"))["faults"]
    assert 99 - fault["times"] <= 1, "a second and a half has no room for another attempt"
    assert ("amount" in wallet, wallet["uri"]) == (False, "bitcoin:bc1")


async def test_a_stablecoin_wallet_without_a_network_takes_nobodys_money(dsn, conn):
    await conn.execute(WALLET, "usdt", "TAddress", None, None)
    async with running_pod(dsn) as pod:
        status, answer = await pod.call("POST", GENERATE, json={"amount": 15, "currency": "USDT"})
        assert (status, answer["code"]) == (503, "provider_disabled")
        await conn.execute("UPDATE wallets SET network = 'TRC20'")
        assert (await give(pod, "USDT"))["wallet"]["network"] == "TRC20"
    assert await conn.fetchval("SELECT count(*) FROM payments") == 1


@pytest.mark.parametrize("falls_back", [False, True])
async def test_a_lost_answer_names_the_same_wallet_though_the_owner_has_changed_it(pod, sandbox, conn, falls_back):
    """The process died before it kept its answer; meanwhile the wallet moves to another network."""
    await conn.execute(WALLET, "usdc", "GAddress", "stellar", "77")
    if falls_back:
        await sandbox.fault("status_before", path="invoice", status=403, times=9)
    else:
        await below_the_minimum(sandbox, "usdc")
    first = await give(pod, "USDC", headers=KEY)
    assert first["wallet"]["memo"] == "77"
    await conn.execute("UPDATE wallets SET network = 'BASE', memo = NULL, wallet_address = '0x1'")
    await conn.execute("UPDATE idempotency_keys SET status = NULL, body = NULL, claimed_until = now() - interval '1 s'")
    again = await give(pod, "USDC", headers=KEY)
    assert again == first


async def test_a_wallet_payment_of_an_earlier_version_is_answered_with_its_address(pod, sandbox, conn):
    await conn.execute(WALLET, "btc", "bc1", None, None)
    await below_the_minimum(sandbox, "btc")
    await give(pod, "BTC", headers=KEY)
    await conn.execute("UPDATE external_payments SET request = '{}'")
    await conn.execute("UPDATE idempotency_keys SET status = NULL, body = NULL, claimed_until = now() - interval '1 s'")
    wallet = (await give(pod, "BTC", headers=KEY))["wallet"]
    assert (wallet["address"], wallet["uri"]) == ("bc1", "bc1")


async def test_an_admin_sees_on_which_network_to_look_for_the_coins(pod, sandbox, conn):
    await conn.execute(WALLET, "usdt", "TAddress", "TRC20", None)
    await below_the_minimum(sandbox, "usdttrc20")
    payment = (await give(pod, "USDT"))["paymentId"]
    _, answer = await pod.call("GET", f"/admin/payments/{payment}", headers=ADMIN)
    (checkout,) = answer["data"]["checkouts"]
    assert checkout["wallet"]["networkName"] == "Tron (TRC-20)"
    fallback = answer["data"]["trail"][1]
    assert (fallback["action"], fallback["details"]["network"]) == ("wallet_fallback", "TRC20")
    details = await conn.fetchval("SELECT string_agg(details::text, '') FROM payment_audit WHERE payment_id = $1",
                                  UUID(payment))  # fmt: skip
    assert "TAddress" not in details
    seen = {"txHash": "f" * 64, "amount": "15", "coin": "usdt"}
    status, _ = await pod.call("POST", f"/admin/payments/{payment}/confirm", headers=ADMIN, json=seen)
    assert status == 200


async def test_what_is_not_published_is_listed_with_its_reason(pod, conn):
    await conn.execute(WALLET, "usdt", "TAddress", None, None)
    status, answer = await pod.call("GET", "/admin/routes/problems", headers=ADMIN)
    assert status == 200
    (problem,) = answer["data"]["items"]
    assert (problem["kind"], problem["currency"]) == ("wallet", "USDT")
    assert "set network to" in problem["problem"]


FORMS = [
    ("bitcoin:A", "amount={amount}", 8, "0.000154639175", "bitcoin:A?amount=0.00015464", "0.00015464"),
    ("xrpl://A?dt=7", "amount={amount}", 6, "10", "xrpl://A?dt=7&amount=10", "10"),
    ("ethereum:A@1", "value={units}", 18, "0.0044", "ethereum:A@1?value=4400000000000000", "0.0044"),
    ("ethereum:C@1/transfer?address=A", "uint256={units}", 6, "25.5",
     "ethereum:C@1/transfer?address=A&uint256=25500000", "25.5"),
    ("A", None, 6, "25", "A", "25"),
]  # fmt: skip


@pytest.mark.parametrize(("uri", "form", "exponent", "worth", "wanted", "shown"), FORMS)
def test_a_link_carries_the_amount_as_its_standard_says(uri, form, exponent, worth, wanted, shown):
    """Decimals of whole coins, or a whole number of the smallest units; no exponent, and not less than the price."""
    coin = Currency(
        code="X", name="X", symbol="X", kind="crypto", exponent=exponent, enabled=True, min_amount=Decimal(1),
        max_amount=Decimal(9),
    )  # fmt: skip
    asking = Wallet(address="A", uri=uri, amount_form=form).asking_for(Decimal(worth), coin)
    assert (asking.uri, asking.amount) == (wanted, shown)
    assert json.loads(json.dumps(asking.as_shown()))["uri"] == wanted
