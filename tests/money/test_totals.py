"""The public total: by mode, net of what went back, and right in whatever order things are written."""

from __future__ import annotations

import asyncio
import random
from decimal import Decimal
from uuid import uuid4

import asyncpg
import pytest

from support.limits import PROGRESS
from support.money import all_processed, becomes, completes, give
from support.pods import ADMIN, running_pod

LIVE = {"stripe_secret": "sk_live_" + "x" * 24, "stripe_publishable_key": "pk_live_x"}
OPENING = """
INSERT INTO payments (id, amount, currency, status, created_at) VALUES ($1, 7, 'usd', 'paid', now())
"""


async def total(pod):
    _, answer = await pod.call("GET", "/charter/total")
    return answer["data"]["total"], answer["data"]["count"]


async def test_test_money_is_in_no_live_total_and_what_the_old_software_was_paid_is_in_both(pod, sandbox, conn, dsn):
    await completes(pod, sandbox, conn, amount=300, currency="USD")
    await conn.execute(OPENING, uuid4())
    assert await total(pod) == (307, 2)
    async with running_pod(dsn, background=False, **{**sandbox.settings, **LIVE}) as live:
        assert await total(live) == (7, 1)
        _, config = await live.call("GET", "/config")
        assert config["data"]["mode"] == "live"


@pytest.mark.parametrize(
    ("keys", "mode", "expected"),
    [
        ({"stripe_secret": "", "stripe_publishable_key": ""}, "test", 307),
        ({"stripe_secret": "", "stripe_publishable_key": "", "nowpayments_api_key": ""}, "live", 7),
    ],
)
async def test_without_stripe_the_mode_is_that_of_the_coins_and_wallets_are_real(
    pod, sandbox, conn, dsn, keys, mode, expected
):
    await completes(pod, sandbox, conn, amount=300, currency="USD")
    await conn.execute(OPENING, uuid4())
    async with running_pod(dsn, background=False, **{**sandbox.settings, **keys}) as other:
        assert (await total(other))[0] == expected
        _, config = await other.call("GET", "/config")
        assert config["data"]["mode"] == mode


async def test_a_gift_counts_while_something_of_it_is_left(pod, sandbox, conn):
    payment = await completes(pod, sandbox, conn, amount=5)
    (session,) = await sandbox.sessions(payment)
    assert await total(pod) == (5, 1)
    await sandbox.act(session["id"], "refund_half")
    await becomes(conn, payment, "partially_refunded")
    assert await total(pod) == (2.5, 1)
    await sandbox.act(session["id"], "refund")
    await becomes(conn, payment, "refunded")
    assert await total(pod) == (0, 0)
    intent = (await sandbox.sessions(payment))[0]["payment_intent"]
    refunds = [each for each in (await sandbox.stripe("refunds"))["data"] if each["payment_intent"] == intent]
    await sandbox.ask("POST", f"/pay/stripe/refund/{refunds[0]['id']}/fail", allow_redirects=False)
    await becomes(conn, payment, "partially_refunded")
    await all_processed(conn)
    assert await total(pod) == (2.5, 1)


@pytest.mark.parametrize(("end", "expected"), [("won", (5, 1)), ("lost", (0, 0))])
async def test_a_disputed_gift_counts_again_only_when_it_is_won(pod, sandbox, conn, end, expected):
    payment = await completes(pod, sandbox, conn, amount=5)
    (session,) = await sandbox.sessions(payment)
    await sandbox.act(session["id"], "dispute")
    await becomes(conn, payment, "disputed")
    assert await total(pod) == (0, 0)
    dispute = (await sandbox.stripe("disputes"))["data"][0]
    await sandbox.ask("POST", f"/pay/stripe/dispute/{dispute['id']}/{end}", allow_redirects=False)
    await all_processed(conn, at_least=5)
    await becomes(conn, payment, "completed" if end == "won" else "disputed")
    assert await total(pod) == expected


MOVED = """
INSERT INTO settlements (payment_id, provider, livemode, kind, provider_ref, amount, currency, usd_amount)
VALUES ($1, 'stripe', $2, $3, $4, $5::numeric, $6, $7::numeric)
"""
EXPECTED = """
SELECT livemode, currency, count(*) FILTER (WHERE amount > 0 AND (unknown > 0 OR usd > 0)) AS charges,
       sum(amount) AS amount, sum(usd) AS usd_amount, sum(unconverted) AS unconverted
FROM (
    SELECT payment_id, livemode, currency, sum(amount) AS amount, coalesce(sum(usd_amount), 0) AS usd,
           count(*) FILTER (WHERE usd_amount IS NULL) AS unknown,
           coalesce(sum(amount) FILTER (WHERE usd_amount IS NULL), 0) AS unconverted
    FROM settlements GROUP BY payment_id, livemode, currency
) each GROUP BY livemode, currency ORDER BY livemode, currency
"""
KEPT = """
SELECT livemode, currency, sum(charges) AS charges, sum(amount) AS amount, sum(usd_amount) AS usd_amount,
       sum(unconverted) AS unconverted
FROM settlement_totals GROUP BY livemode, currency ORDER BY livemode, currency
"""


async def test_many_at_once_on_the_same_gifts_leave_the_total_that_follows_from_the_settlements(conn, dsn):
    """Eight connections write charges, refunds, their undoing and late values of ten gifts, each as fast as it can."""
    payments = [
        await conn.fetchval(
            "INSERT INTO payments (amount, currency, status, source, livemode) "
            "VALUES (10, 'EUR', 'completed', 'charter', $1) RETURNING id", number % 2 == 0,
        ) for number in range(10)
    ]  # fmt: skip
    moves: list[tuple[object, ...]] = []
    for number, payment in enumerate(payments):
        live = number % 2 == 0
        worth = None if number % 3 == 0 else 11
        moves.append((payment, live, "charge", f"pi_{number}", 10, "EUR", worth))
        for part in range(4):
            ref, back = f"re_{number}_{part}", None if worth is None else Decimal("2.75")
            moves.append((payment, live, "refund", ref, Decimal("-2.5"), "EUR", -back if back else None))
            if number % 4 == 0:
                moves.append((payment, live, "refund_reversal", ref, Decimal("2.5"), "EUR", back))
    random.Random(7).shuffle(moves)

    async def write(mine):
        connection = await asyncpg.connect(dsn.newest)
        try:
            for move in mine:
                await connection.execute(MOVED, *move)
                await connection.execute(
                    "UPDATE settlements SET usd_amount = amount * 1.1 WHERE payment_id = $1 AND usd_amount IS NULL "
                    "AND kind <> 'charge'",
                    move[0],
                )
        finally:
            await connection.close()

    await asyncio.gather(*(write(moves[number::8]) for number in range(8)))
    expected = [tuple(row) for row in await conn.fetch(EXPECTED)]
    assert [tuple(row) for row in await conn.fetch(KEPT)] == expected


async def test_what_was_paid_is_shown_to_the_digit(pod, sandbox, conn):
    given = await give(pod, amount="37.50", currency="EUR")
    _, answer = await pod.call("GET", f"/payments/{given['paymentId']}")
    assert "paidAmount" not in answer["data"]
    (session,) = await sandbox.sessions(given["paymentId"])
    await sandbox.act(session["id"], "pay")
    await becomes(conn, given["paymentId"], "completed")
    async with pod.client.get(f"{pod.public}/payments/{given['paymentId']}") as response:
        assert '"paidAmount":37.5,"paidCurrency":"EUR"' in await response.text()
    await sandbox.act(session["id"], "refund")
    await becomes(conn, given["paymentId"], "refunded")
    _, answer = await pod.call("GET", f"/payments/{given['paymentId']}")
    assert answer["data"]["paidAmount"] == 37.5, "what was paid, not what is left"
    coins = await give(pod, amount=25, currency="BTC")
    await sandbox.coins(coins["url"], "half")
    async with asyncio.timeout(PROGRESS):
        while (came := await conn.fetchval("SELECT amount FROM settlements WHERE currency = 'BTC'")) is None:
            await asyncio.sleep(0.02)
    _, answer = await pod.call("GET", f"/payments/{coins['paymentId']}")
    assert (answer["data"]["paidAmount"], answer["data"]["paidCurrency"]) == (format(came.normalize(), "f"), "BTC")


SPELLED = ("AB12CD34" * 4, "ab12cd34" * 4, "0x" + "ab12cd34" * 4, "0X" + "Ab12Cd34" * 4)


async def confirm(pod, tx_hash, coin="BTC"):
    _, given = await pod.call("POST", "/charter/generate-payment", json={"amount": 25, "currency": coin})
    payment = given["data"]["paymentId"]
    body = {"txHash": tx_hash, "amount": "0.00025", "coin": coin}
    status, answer = await pod.call("POST", f"/admin/payments/{payment}/confirm", headers=ADMIN, json=body)
    return status, answer.get("code")


@pytest.fixture
async def wallets(conn, sandbox):
    await conn.execute("INSERT INTO wallets (coin, wallet_address) VALUES ('BTC', 'bc1'), ('SOL', 'sol1')")
    await sandbox.ask("PUT", "/_sandbox/minimums", json={"btc": 1000, "sol": 1000})


@pytest.mark.usefixtures("wallets")
async def test_a_transaction_counts_once_however_its_hash_is_written(pod, conn):
    assert [await confirm(pod, spelled) for spelled in SPELLED] == [(200, None)] + [(409, "hash_counted")] * 3
    assert await conn.fetchval("SELECT provider_ref FROM settlements") == SPELLED[1]
    assert await conn.fetchval("SELECT count(*) FROM payments WHERE status = 'completed'") == 1


@pytest.mark.usefixtures("wallets")
async def test_case_is_kept_where_it_means_something(pod, conn):
    assert [await confirm(pod, spelled, "SOL") for spelled in ("5VERYz" * 8, "5veryZ" * 8)] == [(200, None)] * 2
    assert await conn.fetchval("SELECT count(DISTINCT provider_ref) FROM settlements") == 2


@pytest.mark.usefixtures("wallets")
async def test_a_hash_that_was_written_otherwise_before_the_migration_is_known(pod, conn):
    """Older rows stay as they are, since nothing in the ledger changes."""
    await conn.execute("SET session_replication_role = replica")
    await conn.execute(
        "INSERT INTO settlements (payment_id, purpose, provider, livemode, kind, provider_ref, amount, currency) "
        "VALUES (gen_random_uuid(), 'donation', 'wallet', true, 'manual', $1, 1, 'BTC')", SPELLED[0],
    )  # fmt: skip
    await conn.execute("RESET session_replication_role")
    assert await confirm(pod, SPELLED[2]) == (409, "hash_counted")
    payment = await conn.fetchval("SELECT id FROM payments LIMIT 1")
    with pytest.raises(asyncpg.UniqueViolationError):
        await conn.execute(
            "INSERT INTO settlements (payment_id, provider, livemode, kind, provider_ref, amount, currency) "
            "VALUES ($1, 'wallet', true, 'manual', $2, 1, 'BTC')", payment, SPELLED[2],
        )  # fmt: skip
