"""An admin's view of payments, and the confirmation of those that were paid to a wallet."""

from __future__ import annotations

import base64
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from support.pods import ADMIN

GENERATE = "/charter/generate-payment"
SEEN = {"txHash": "f" * 64, "amount": "0.0005", "coin": "btc"}


@pytest.fixture
async def waiting(pod, sandbox, conn) -> str:
    """A payment to a wallet."""
    await conn.execute("INSERT INTO wallets (coin, wallet_address) VALUES ('BTC', 'bc1')")
    await sandbox.ask("PUT", "/_sandbox/minimums", json={"btc": 1000})
    _, answer = await pod.call("POST", GENERATE, json={"amount": 25, "currency": "BTC"})
    return answer["data"]["paymentId"]


async def confirm(pod, payment, **more):
    return await pod.call("POST", f"/admin/payments/{payment}/confirm", headers=ADMIN, json={**SEEN, **more})


async def test_the_history_of_a_payment_is_in_order(pod, waiting):
    status, _ = await confirm(pod, waiting)
    assert status == 200
    status, answer = await pod.call("GET", f"/admin/payments/{waiting}", headers=ADMIN)
    assert status == 200
    story = answer["data"]
    assert (story["payment"]["status"], story["payment"]["amount"]) == ("completed", 25)
    assert [checkout["provider"] for checkout in story["checkouts"]] == ["wallet"]
    assert [entry["action"] for entry in story["trail"]] == ["payment_opened", "wallet_fallback", "payment_confirmed"]
    assert [(money["kind"], money["currency"]) for money in story["settlements"]] == [("manual", "BTC")]


async def test_a_hash_counts_once(pod, waiting, conn, sandbox):
    assert (await confirm(pod, waiting))[0] == 200
    assert (await confirm(pod, waiting))[0] == 409
    _, answer = await pod.call("POST", GENERATE, json={"amount": 30, "currency": "BTC"})
    status, answer = await confirm(pod, answer["data"]["paymentId"])
    assert (status, answer["code"]) == (409, "hash_counted")
    assert await conn.fetchval("SELECT count(*) FROM settlements") == 1
    assert await conn.fetchval("SELECT count(*) FROM payments WHERE status = 'completed'") == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"txHash": "x"}, "txHash"), ({"amount": 0}, "amount"), ({"amount": "-1"}, "amount"), ({"coin": "ETH"}, "coin"),
        ({"coin": "USD"}, "coin"), ({"coin": "?"}, "coin"), ({"note": 7}, "note"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_named(pod, waiting, change, field):
    status, answer = await confirm(pod, waiting, **change)
    assert (status, list(answer["fields"])) == (400, [field])


async def test_only_a_wallet_payment_is_confirmed(pod):
    _, answer = await pod.call("POST", GENERATE, json={"amount": 25, "currency": "USD"})
    status, answer = await confirm(pod, answer["data"]["paymentId"])
    assert (status, answer["code"]) == (409, "not_a_wallet")
    for name in (uuid4(), "nothing"):
        assert (await confirm(pod, name))[0] == 404


async def test_the_public_total_is_what_was_settled(pod, waiting, conn):
    _, answer = await pod.call("GET", "/charter/total")
    assert answer["data"] == {
        "total": 0, "currency": "USD", "count": 0, "byCurrency": {}, "unconverted": {}, "updatedAt": None,
    }  # fmt: skip
    await confirm(pod, waiting)
    _, answer = await pod.call("GET", "/charter/total")
    assert answer["data"]["unconverted"] == {"BTC": "0.0005"}
    await conn.execute(
        "INSERT INTO fx_rates (currency, day, usd) VALUES ('BTC', (now() AT TIME ZONE 'UTC')::date, 90000)"
    )
    _, answer = await pod.call("POST", GENERATE, json={"amount": 30, "currency": "BTC"})
    status, answer = await confirm(pod, answer["data"]["paymentId"], txHash="e" * 64, amount="0.001")
    assert (status, answer["data"]["usdAmount"]) == (200, 90)
    _, answer = await pod.call("GET", "/charter/total")
    total = answer["data"]
    assert (total["total"], total["count"], total["byCurrency"]) == (90, 2, {"BTC": "0.0015"})
    summed = await conn.fetchrow("SELECT sum(amount) AS amount, sum(usd_amount) AS usd FROM settlements")
    assert (summed["amount"], summed["usd"]) == (Decimal("0.0015"), 90)


async def test_the_site_is_told_once_and_exactly(pod, waiting, conn):
    await conn.execute(
        "INSERT INTO webhook_endpoints (name, url, events) VALUES ('after', 'https://a.example', '{payment.completed}')"
    )
    await confirm(pod, waiting)
    await confirm(pod, waiting)
    rows = await conn.fetch("SELECT type, data::text AS data FROM outbox WHERE type LIKE 'payment%'")
    assert [row["type"] for row in rows] == ["payment.completed"]
    assert '"amount": 25' in rows[0]["data"]


async def test_payments_and_the_audit_log_are_read_page_by_page(pod):
    given = [
        (await pod.call("POST", GENERATE, json={"amount": 5 + n, "currency": "USD"}))[1]["data"]["paymentId"]
        for n in range(5)
    ]
    for path, name in (("/admin/payments", "id"), ("/admin/audit", "id")):
        seen, cursor = [], ""
        while cursor is not None:
            query = f"?limit=2&cursor={cursor}" if cursor else "?limit=2"
            status, answer = await pod.call("GET", path + query, headers=ADMIN)
            assert status == 200, answer
            seen += [item[name] for item in answer["data"]["items"]]
            cursor = answer["data"]["nextCursor"]
        assert len(seen) == len(set(seen))
        if path == "/admin/payments":
            assert seen == given[::-1]
        else:
            assert seen == sorted(seen, reverse=True)
            assert len(seen) == 10


END_OF_TIME = base64.urlsafe_b64encode(f"9999-12-31T23:59:59-23:59|{UUID(int=0)}".encode()).decode().rstrip("=")


@pytest.mark.parametrize("cursor", ["x", "!!!", "MjAyNnxub3RhdXVpZA", "MjAyNi0wMS0wMVQwMDowMDowMHw", END_OF_TIME])
async def test_cursors_that_are_not_ours_are_refused(pod, cursor):
    status, _ = await pod.call("GET", f"/admin/payments?cursor={cursor}", headers=ADMIN)
    assert status == 400
