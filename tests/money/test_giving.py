"""The calls that donors make, at the sandbox, over HTTP."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from support.pods import ADMIN, SITE_URL, running_pod

UNKNOWN = "is not a known field"
MICRO, GENERATE = "/mission-support/micro-payment", "/charter/generate-payment"
WALLET = "INSERT INTO wallets (coin, wallet_address) VALUES ('btc', 'bc1-old'), ('BTC', 'bc1-new')"


async def give(pod, **body):
    return await pod.call("POST", GENERATE, json=body)


@pytest.mark.parametrize("amount", [1, 2, 5, "5", 5.0])
async def test_one_click_opens_a_session(pod, sandbox, conn, amount):
    status, answer = await pod.call("POST", MICRO, json={"amount": amount})
    assert status == 200, answer
    data = answer["data"]
    assert set(data) == {"url", "paymentId", "sessionId"}
    session = await sandbox.stripe(f"checkout/sessions/{data['sessionId']}")
    whole = int(float(amount))
    assert (session["amount_total"], session["currency"], session["submit_type"]) == (whole * 100, "usd", "donate")
    assert session["metadata"] == {
        "payment_id": data["paymentId"], "source": "mission_support_micro", "preset_amount": str(whole),
        "installation": str(await conn.fetchval("SELECT id FROM installation")),
    }  # fmt: skip
    assert session["success_url"] == (
        f"{SITE_URL}/mission-support?status=success&payment={data['paymentId']}&session_id={{CHECKOUT_SESSION_ID}}"
    )
    row = await conn.fetchrow("SELECT * FROM external_payments WHERE payment_id = $1", UUID(data["paymentId"]))
    assert row["idempotency_key"] == f"hc_micro_{data['paymentId']}"
    assert (row["status"], row["kind"], row["provider_id"]) == ("pending", "single", data["sessionId"])
    assert json.loads(row["request"])["line_items"][0]["price_data"]["unit_amount"] == whole * 100


@pytest.mark.parametrize("public_url", ["https://pay.example.com", ""])
async def test_a_payer_comes_back_to_the_page_that_they_left(dsn, sandbox, public_url):
    """The backend's own pages need no site to go back to, only PUBLIC_URL."""
    wanted: dict[str, dict[str, Any]] = {MICRO: {"amount": 2}, GENERATE: {"amount": 20, "currency": "EUR"}}
    async with running_pod(dsn, **{**sandbox.settings, "public_url": public_url}) as pod:
        for path, body in wanted.items():
            page = "/mission-support" if path == MICRO else "/charter"
            pages = {"embed": f"{public_url}/embed{page}" if public_url else SITE_URL + page, "site": SITE_URL + page}
            for return_to, address in pages.items():
                status, answer = await pod.call("POST", path, json={**body, "returnTo": return_to})
                assert status == 200, answer
                (session,) = await sandbox.sessions(answer["data"]["paymentId"])
                assert session["success_url"].startswith(f"{address}?status=success&payment=")
                assert session["cancel_url"].startswith(f"{address}?status=cancelled&")
            status, answer = await pod.call("POST", path, json={**body, "returnTo": "https://evil.example"})
            assert (status, list(answer["fields"])) == (400, ["returnTo"])


@pytest.mark.parametrize("amount", [3, 0, -1, "1.5", "x", None, True, [1], {}, 10**30, "1e0x", "NaN", "Infinity", ""])
async def test_other_clicks_are_refused(pod, amount):
    status, answer = await pod.call("POST", MICRO, json={"amount": amount})
    assert (status, list(answer["fields"])) == (400, ["amount"])


@pytest.mark.parametrize(
    ("typed", "code", "amount", "units"),
    [
        ("EUR", "EUR", "20.5", 2050), ("€", "EUR", 7, 700), (" jpy ", "JPY", 2000, 2000), ("KWD", "KWD", "3.25", 3250),
        ("ISK", "ISK", 1000, 100000), ("us$", "USD", "37.50", 3750),
    ],
)  # fmt: skip
async def test_a_card_in_many_currencies(pod, sandbox, typed, code, amount, units):
    status, answer = await give(pod, amount=amount, currency=typed)
    assert status == 200, answer
    data = answer["data"]
    assert (data["currency"], data["priceCurrency"], data["requestedCurrency"]) == (code, code, typed)
    assert (data["kind"], data["provider"], data["currencyDefaulted"]) == ("checkout", "stripe", False)
    (session,) = await sandbox.sessions(data["paymentId"])
    assert (session["amount_total"], session["currency"]) == (units, code.lower())
    back = f"{SITE_URL}/charter?status=cancelled&donationAmount={Decimal(str(amount)).normalize():f}&paymentMethod=card"
    assert session["cancel_url"] == f"{back}&currency={code}"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"amount": "12.345", "currency": "KWD"}, "amount"), ({"amount": "0.5", "currency": "USD"}, "amount"),
        ({"amount": "1000001", "currency": "USD"}, "amount"), ({"amount": "1.5", "currency": "JPY"}, "amount"),
        ({"amount": "1.001", "currency": "USD"}, "amount"), ({"amount": 5}, "currency"),
        ({"amount": 5, "currency": ""}, "currency"), ({"amount": 5, "currency": 7}, "currency"),
        ({"amount": 5, "currency": "doubloons", "strict": True}, "currency"),
        ({"amount": 5, "currency": "EUR", "priceCurrency": "USD"}, "priceCurrency"),
        ({"amount": 5, "currency": "BTC", "priceCurrency": "ETH"}, "priceCurrency"),
        ({"amount": 5, "currency": "BTC", "priceCurrency": "zz"}, "priceCurrency"),
        ({"amount": 5, "currency": "USD", "prefillId": "prefill_0_unknown"}, "prefillId"),
        ({"amount": 5, "currency": "USD", "email": "nobody"}, "email"),
        ({"amount": 5, "currency": "USD", "strict": "yes"}, "strict"),
        ({"amount": 5, "currency": "USD", "more": 1}, "more"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_named(pod, conn, body, field):
    status, answer = await give(pod, **body)
    assert (status, list(answer["fields"])) == (400, [field])
    assert await conn.fetchval("SELECT count(*) FROM payments") == 0


async def test_an_unknown_currency_becomes_dollars_and_says_so(pod):
    status, answer = await give(pod, amount=5, currency="doubloons")
    assert status == 200
    data = answer["data"]
    assert (data["currency"], data["currencyDefaulted"], data["requestedCurrency"]) == ("USD", True, "doubloons")


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("IRR", "IRR"), (" kpw ", "KPW"), ("XXX", "XXX"), ("Iranian Rial", "IRR"), ("\ufdfc", "IRR"), ("DEM", "DEM"),
        ("north korean won", "KPW"), ("gold", "XAU"), ("Bs.S", "VES"),
    ],
)  # fmt: skip
async def test_a_real_currency_that_is_not_supported_is_never_taken_for_dollars(pod, conn, typed, code):
    status, answer = await give(pod, amount=5, currency=typed)
    assert (status, answer["code"], list(answer["fields"])) == (400, "unsupported_currency", ["currency"])
    assert answer["error"].endswith(f"({code}) is not supported. GET /config lists the supported codes.")
    assert await conn.fetchval("SELECT count(*) FROM payments") == 0
    status, answer = await give(pod, amount=5, currency="BTC", priceCurrency=typed)
    assert (status, answer["code"], list(answer["fields"])) == (400, "unsupported_currency", ["priceCurrency"])


async def test_a_row_makes_a_currency_live_and_nothing_else_does(pod, conn):
    _, answer = await pod.call("GET", "/config")
    assert "IQD" not in {each["code"] for each in answer["data"]["currencies"]}
    await conn.execute("INSERT INTO currencies (code, name, symbol, exponent) VALUES ('IQD', 'Iraqi dinar', 'ID', 2)")
    await pod.pod.loader.look()
    status, answer = await give(pod, amount=5, currency="iqd")
    assert (status, answer["data"]["currency"]) == (200, "IQD")


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"currency": "doubloons", "strict": True}, "Unknown currency. GET /config lists the supported codes."),
        ({"currency": "BTC", "priceCurrency": "zz"}, "Unknown currency. GET /config lists the supported codes."),
        ({"currency": "BTC", "priceCurrency": "ETH"},
         "Please correct: priceCurrency must be a currency such as USD or EUR, not a coin."),
        ({"currency": "EUR", "priceCurrency": "USD"},
         "Please correct: priceCurrency must be EUR like currency, or left out."),
        ({"currency": "USD", "email": "nobody"},
         "Please correct: email must be an e-mail address such as name@example.com."),
        ({"currency": "USD", "amount": "ten"}, "Please correct: amount must be a plain number, for example 37.50."),
        ({"amount": "x", "a": 1, "b": 2},
         f"Please correct: a {UNKNOWN}; amount must be a plain number, for example 37.50; b {UNKNOWN}; and 1 more."),
    ],
)  # fmt: skip
async def test_the_sentence_says_what_to_correct(pod, body, sentence):
    status, answer = await give(pod, **{"amount": 5, **body})
    assert (status, answer["error"]) == (400, sentence)


async def test_a_currency_that_is_switched_off_is_refused(pod, conn):
    await conn.execute("UPDATE currencies SET enabled = false WHERE code = 'CHF'")
    status, answer = await give(pod, amount=5, currency="CHF")
    assert (status, answer["code"], list(answer["fields"])) == (400, "currency_disabled", ["currency"])


async def test_coins_are_priced_in_dollars_and_paid_in_coins(pod, sandbox, conn):
    status, answer = await give(pod, amount="25.50", currency="bitcoin")
    assert status == 200, answer
    data = answer["data"]
    assert (data["kind"], data["provider"], data["currency"], data["priceCurrency"]) == (
        "checkout", "nowpayments", "BTC", "USD",
    )  # fmt: skip
    assert data["url"].startswith(sandbox.address)
    assert "expiresAt" in data
    request = json.loads(await conn.fetchval("SELECT request FROM external_payments"))
    assert (request["price_amount"], request["price_currency"], request["pay_currency"]) == ("25.5", "usd", "btc")
    assert request["order_id"] == data["paymentId"]
    status, answer = await give(pod, amount=25, currency="BTC", priceCurrency="eur")
    assert (status, answer["data"]["priceCurrency"]) == (200, "EUR")


async def test_below_its_minimum_a_coin_goes_to_the_newest_wallet(pod, sandbox, conn):
    await conn.execute(
        "INSERT INTO wallets (coin, wallet_address, created_at) VALUES ('btc', 'old', now() - interval '1 day')"
    )
    await conn.execute("INSERT INTO wallets (coin, wallet_address) VALUES ('BTC', 'bc1new')")
    await sandbox.ask("PUT", "/_sandbox/minimums", json={"btc": 20})
    status, answer = await give(pod, amount=15, currency="BTC")
    assert status == 200, answer
    data = answer["data"]
    assert (data["kind"], data["provider"], data["url"]) == ("wallet", "wallet", "wallet:bc1new")
    wallet = data["wallet"]
    assert (wallet["coin"], wallet["address"]) == ("BTC", "bc1new")
    assert wallet["uri"] == f"bitcoin:bc1new?amount={wallet['amount']}"
    assert wallet["qr"].startswith("data:image/png;base64,")
    row = await conn.fetchrow("SELECT status, provider FROM payments WHERE id = $1", UUID(data["paymentId"]))
    assert tuple(row) == ("awaiting_confirmation", "wallet")
    actions = await conn.fetch("SELECT action FROM payment_audit WHERE payment_id = $1", UUID(data["paymentId"]))
    assert [row["action"] for row in actions] == ["payment_opened", "wallet_fallback"]


async def test_below_the_minimum_without_a_wallet_is_a_refusal_and_is_explained(pod, sandbox, conn):
    await sandbox.ask("PUT", "/_sandbox/minimums", json={"btc": 20})
    status, answer = await give(pod, amount=15, currency="BTC")
    assert (status, answer["code"]) == (502, "provider_refused")
    assert await conn.fetchval("SELECT status FROM payments") == "failed"
    details = json.loads(
        await conn.fetchval("SELECT details FROM payment_audit WHERE action = 'stripe_session_failed'")
    )
    assert details["provider"] == "nowpayments"
    assert "too small" in details["reason"]


async def test_a_provider_without_keys_is_off(dsn, conn):
    async with running_pod(dsn) as pod:
        status, answer = await give(pod, amount=5, currency="USD")
        assert (status, answer["code"]) == (503, "provider_disabled")
        status, answer = await give(pod, amount=5, currency="BTC")
        assert (status, answer["code"]) == (503, "provider_disabled")
        await conn.execute(WALLET)
        status, answer = await give(pod, amount=5, currency="BTC")
        assert (status, answer["data"]["kind"]) == (200, "wallet")


async def test_the_policy_switches_providers(pod, conn):
    off = {"providers": {"stripe": {"enabled": False}, "nowpayments": {"enabled": False}}}
    await pod.call("PATCH", "/admin/policy", headers=ADMIN, json=off)
    for currency in ("EUR", "BTC"):
        status, answer = await give(pod, amount=5, currency=currency)
        assert (status, answer["code"]) == (503, "provider_disabled")
    assert await conn.fetchval("SELECT count(*) FROM payments") == 0


INVOICE = """
INSERT INTO external_payments (gateway, currency, provider_url, amount, price_currency, expires_at)
VALUES ('NOWPayments', 'btc', $1, $2, $3, $4)
"""


async def test_a_standing_invoice_of_that_price_is_shared(pod, conn):
    await conn.execute(INVOICE, "https://nowpayments.io/payment/?iid=1", None, None, None)
    await conn.execute(INVOICE, "https://nowpayments.io/payment/?iid=2", Decimal(25), "usd", None)
    await conn.execute(INVOICE, "https://nowpayments.io/payment/?iid=3", Decimal(25), "EUR", None)
    await conn.execute("UPDATE external_payments SET expires_at = now() - interval '1 s' WHERE amount IS NULL")
    status, answer = await give(pod, amount=25, currency="BTC")
    assert status == 200
    data = answer["data"]
    assert (data["url"], data["kind"], data["paymentId"]) == ("https://nowpayments.io/payment/?iid=2", "standing", None)
    _, answer = await give(pod, amount=25, currency="BTC", priceCurrency="EUR")
    assert answer["data"]["url"] == "https://nowpayments.io/payment/?iid=3"
    _, answer = await give(pod, amount=26, currency="BTC")
    assert answer["data"]["kind"] == "checkout"
    assert await conn.fetchval("SELECT count(*) FROM payments") == 1


async def test_two_visitors_never_share_a_payment(pod):
    first, second = [(await give(pod, amount=25, currency="BTC"))[1]["data"] for _ in range(2)]
    assert first["paymentId"] != second["paymentId"]
    assert first["url"] != second["url"]


async def test_bounds_follow_the_settings_in_proportion(dsn, sandbox):
    async with running_pod(dsn, **sandbox.settings, amount_min=Decimal(5), amount_max=Decimal(50)) as pod:
        assert (await give(pod, amount=4, currency="USD"))[0] == 400
        assert (await give(pod, amount=51, currency="USD"))[0] == 400
        assert (await give(pod, amount=50, currency="USD"))[0] == 200
        assert (await give(pod, amount=499, currency="JPY"))[0] == 400


async def test_changed_bounds_and_names_reach_a_pod_by_themselves(pod, conn):
    await conn.execute("UPDATE currencies SET max_amount = 10, aliases = '{quid}' WHERE code = 'GBP'")
    await pod.pod.loader.look()
    assert (await give(pod, amount=11, currency="quid"))[0] == 400
    assert (await give(pod, amount=10, currency="QUID"))[1]["data"]["currency"] == "GBP"


async def test_a_payment_can_be_watched(pod):
    _, answer = await pod.call("POST", MICRO, json={"amount": 2})
    given = answer["data"]
    for name in (given["paymentId"], given["sessionId"]):
        status, answer = await pod.call("GET", f"/payments/{name}")
        assert status == 200
        data = answer["data"]
        assert (data["id"], data["status"], data["amount"]) == (given["paymentId"], "pending", 2)
        assert set(data) == {"id", "status", "provider", "amount", "priceCurrency", "currency", "updatedAt"}
    _, answer = await give(pod, amount=25, currency="BTC")
    invoice = answer["data"]["url"].rpartition("/")[2]
    for name in (invoice, "cs_nothing", "00000000-0000-0000-0000-000000000000", "x%00y", "'; DROP TABLE payments"):
        status, _ = await pod.call("GET", f"/payments/{name}")
        assert status in {400, 404}


async def test_the_page_is_told_what_it_needs(pod, sandbox):
    status, answer = await pod.call("GET", "/config")
    assert status == 200
    data = answer["data"]
    assert (data["stripePublishableKey"], data["mode"], data["siteUrl"]) == ("pk_test_sandbox", "test", SITE_URL)
    euro = next(each for each in data["currencies"] if each["code"] == "EUR")
    assert (euro["kind"], euro["exponent"], euro["boundsIn"]) == ("fiat", 2, "EUR")
    assert sandbox.settings["stripe_secret"] not in json.dumps(answer)


async def test_a_donor_who_said_who_they_are_finds_it_filled_in(pod, sandbox, conn):
    who = {"name": "Tilly Example", "email": "tilly@example.com"}
    _, answer = await pod.call("POST", "/mission-support/other", json={"amount": "12.5", "userInfo": who})
    prefill = answer["data"]["prefillId"]
    assert answer["data"]["redirectUrl"] == f"/charter?prefill={prefill}&donationAmount=12.5"
    _, answer = await give(pod, amount="12.5", currency="USD", prefillId=prefill)
    (session,) = await sandbox.sessions(answer["data"]["paymentId"])
    assert session["customer_email"] == "tilly@example.com"
    assert await conn.fetchval("SELECT bool_and(carries_email) FROM external_payments")
    trail = await conn.fetchval("SELECT string_agg(details::text, ' ') FROM payment_audit")
    # Not a name that a hexadecimal id could contain.
    assert "tilly" not in trail.lower()
