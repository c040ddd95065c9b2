"""A value that is wrong is put right by an admin, beside what is written, and the total follows."""

from __future__ import annotations

import asyncio
import json
import re
from decimal import Decimal
from typing import get_args
from uuid import uuid4

import asyncpg
import pytest

from hingecraft_api.handlers.admin.settlements import CorrectionAnswer
from support.lock_waits import until_waiting
from support.money import all_processed, becomes, completes
from support.pods import ADMIN
from support.reconciling import command

pytestmark = pytest.mark.usefixtures("few_links")

WHY = {"reason": "the rate of that day was wrong"}


@pytest.fixture
async def gift(pod, sandbox, conn):
    """100 EUR, worth 109 USD."""
    payment = await completes(pod, sandbox, conn, amount=100, currency="EUR")
    await all_processed(conn, at_least=3)
    return payment


async def settlement_of(conn, payment, kind="charge"):
    return str(
        await conn.fetchval("SELECT id FROM settlements WHERE payment_id = $1::uuid AND kind = $2", payment, kind)
    )


async def correct(pod, settlement, usd, **more):
    return await pod.call(
        "POST", f"/admin/settlements/{settlement}/correct", headers=ADMIN, json={"usdAmount": usd, **WHY, **more}
    )


async def total(pod):
    _, answer = await pod.call("GET", "/charter/total")
    return answer["data"]["total"], answer["data"]["count"], answer["data"]["unconverted"]


async def test_the_difference_is_booked_and_the_history_says_who_and_why(pod, conn, dsn, gift):
    charge = await settlement_of(conn, gift)
    status, answer = await correct(pod, charge, "100.50")
    assert status == 200, answer
    found = answer["data"]
    assert (found["kind"], found["corrects"], found["paymentId"]) == ("correction", charge, gift)
    assert (found["usdAmount"], found["usdBefore"], found["usdAfter"]) == (-8.5, 109, 100.5)
    assert (found["amount"], found["changed"], found["reason"]) == (0, True, WHY["reason"])
    assert await total(pod) == (100.5, 1, {})
    _, answer = await pod.call("GET", f"/admin/payments/{gift}", headers=ADMIN)
    assert [each["kind"] for each in answer["data"]["settlements"]] == ["charge", "correction"]
    assert answer["data"]["settlements"][1]["corrects"] == answer["data"]["settlements"][0]["id"] == charge
    entry = answer["data"]["trail"][-1]
    assert (entry["actor"], entry["action"]) == ("admin", "settlement_corrected")
    assert (entry["details"]["usdBefore"], entry["details"]["usdAfter"]) == ("109", "100.5")
    code, said, _ = await command(dsn, {}, "trail", gift)
    assert code == 0
    assert "the charge" in said
    assert "is worth 100.5 USD instead of 109: the rate of that day was wrong" in said


async def test_the_same_correction_twice_is_one_and_two_at_once_follow_each_other(pod, conn, gift):
    charge = await settlement_of(conn, gift)
    first, again = await correct(pod, charge, 50), await correct(pod, charge, 50)
    assert (first[1]["data"]["id"], again[1]["data"]["changed"]) == (again[1]["data"]["id"], False)
    answers = await asyncio.gather(*(correct(pod, charge, usd) for usd in (60, 60, 70, 70, 80)))
    assert {status for status, _ in answers} == {200}
    assert await total(pod) in [(usd, 1, {}) for usd in (60, 70, 80)]
    rows = await conn.fetch("SELECT usd_amount, provider_ref FROM settlements WHERE corrects = $1::uuid", charge)
    assert sum(row["usd_amount"] for row in rows) == Decimal((await total(pod))[0]) - 109
    assert len({row["provider_ref"] for row in rows}) == len(rows)
    told = await conn.fetchval("SELECT count(*) FROM payment_audit WHERE action = 'settlement_corrected'")
    assert told == len(rows)


async def test_a_correction_is_not_corrected_but_what_it_corrects_is_corrected_again(pod, conn, gift):
    charge = await settlement_of(conn, gift)
    _, answer = await correct(pod, charge, 1)
    status, refused = await correct(pod, answer["data"]["id"], 5)
    assert (status, refused["code"]) == (409, "is_a_correction")
    assert charge in refused["error"]
    _, answer = await correct(pod, charge, 109)
    assert (answer["data"]["usdAmount"], answer["data"]["usdAfter"]) == (108, 109)
    assert await total(pod) == (109, 1, {})


async def test_an_unknown_value_becomes_known_with_the_share_of_what_went_back(pod, sandbox, conn):
    await sandbox.values_late()
    payment = await completes(pod, sandbox, conn, amount=100, currency="EUR")
    (session,) = await sandbox.sessions(payment)
    await sandbox.act(session["id"], "refund_half")
    await becomes(conn, payment, "partially_refunded")
    charge = await settlement_of(conn, payment)
    assert await total(pod) == (0, 1, {"EUR": 50})
    status, answer = await correct(pod, charge, 110)
    assert status == 200, answer
    found = answer["data"]
    assert (found["id"], found["kind"], found["usdAmount"]) == (charge, "charge", 110)
    assert (found["usdBefore"], found["usdAfter"], found["corrects"]) == (None, 110, None)
    assert await total(pod) == (55, 1, {})
    assert (await correct(pod, charge, 110))[1]["data"]["changed"] is False
    # What Stripe says later changes nothing: the value became known once.
    await sandbox.act(session["id"], "value")
    await all_processed(conn, at_least=6)
    assert await total(pod) == (55, 1, {})


async def test_a_refund_after_a_correction_is_worth_its_share_of_what_is_right(pod, sandbox, conn, gift):
    await correct(pod, await settlement_of(conn, gift), 50)
    (session,) = await sandbox.sessions(gift)
    await sandbox.act(session["id"], "refund_half")
    await becomes(conn, gift, "partially_refunded")
    assert await conn.fetchval("SELECT usd_amount FROM settlements WHERE kind = 'refund'") == -25
    await sandbox.act(session["id"], "refund")
    await becomes(conn, gift, "refunded")
    assert await total(pod) == (0, 0, {})


async def test_in_dollars_the_amount_is_corrected_too_and_what_is_worth_nothing_is_not_a_gift(pod, sandbox, conn):
    payment = await completes(pod, sandbox, conn, amount=5)
    await all_processed(conn, at_least=3)
    await correct(pod, await settlement_of(conn, payment), 0)
    _, answer = await pod.call("GET", "/charter/total")
    assert (answer["data"]["total"], answer["data"]["count"], answer["data"]["byCurrency"]) == (0, 0, {"USD": 0})
    # The provider's own account of it is as it was: hearing it again books nothing.
    _, answer = await pod.call("GET", f"/payments/{payment}")
    assert (answer["data"]["status"], answer["data"]["paidAmount"]) == ("completed", 5)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"usdAmount": "much"}, "usdAmount"), ({"usdAmount": -1}, "usdAmount"), ({"usdAmount": "1e12"}, "usdAmount"),
        ({"usdAmount": "0.000000001"}, "usdAmount"), ({"reason": ""}, "reason"), ({"reason": "   x   "}, "reason"),
        ({"reason": "x" * 501}, "reason"), ({"reason": "two\nlines"}, "reason"),
        ({"reason": "donor@example.com asked"}, "reason"), ({"why": "x"}, "why"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_named_and_nothing_is_written(pod, conn, gift, change, field):
    charge = await settlement_of(conn, gift)
    status, answer = await correct(
        pod, charge, **{"usd": 5, **change} if "usdAmount" not in change else {"usd": change["usdAmount"]}
    )
    assert (status, list(answer["fields"])) == (400, [field])
    assert await conn.fetchval("SELECT count(*) FROM settlements") == 1


async def test_what_went_back_has_no_value_above_zero_and_unknown_ids_are_404(pod, sandbox, conn, gift):
    (session,) = await sandbox.sessions(gift)
    await sandbox.act(session["id"], "refund_half")
    await becomes(conn, gift, "partially_refunded")
    refund = await settlement_of(conn, gift, "refund")
    status, answer = await correct(pod, refund, 5)
    assert (status, list(answer["fields"])) == (400, ["usdAmount"])
    assert (await correct(pod, refund, -50))[0] == 200
    assert await total(pod) == (59, 1, {})
    for name in (uuid4(), "nothing"):
        assert (await correct(pod, name, 5))[0] == 404


async def test_only_an_admin_corrects(pod, conn, gift):
    path = f"/admin/settlements/{await settlement_of(conn, gift)}/correct"
    assert (await pod.call("POST", path, json={"usdAmount": 1, **WHY}))[0] == 401


async def test_the_schema_holds_corrections_to_what_they_are(pod, conn, gift):
    charge = await settlement_of(conn, gift)
    insert = (
        "INSERT INTO settlements (payment_id, provider, livemode, kind, provider_ref, amount, currency, usd_amount, "
        "corrects, reason) SELECT payment_id, {provider}, livemode, '{kind}', 'x', {amount}, currency, {usd}, "
        "{corrects}, {reason} FROM settlements WHERE id = '" + charge + "'"
    )
    right = {
        "provider": "provider", "kind": "correction", "amount": "0", "usd": "1", "corrects": "id", "reason": "'why'"
    }  # fmt: skip
    for wrong in (
        {"amount": "1"}, {"usd": "NULL"}, {"reason": "NULL"}, {"corrects": "NULL"}, {"provider": "'wallet'"},
        {"kind": "charge", "amount": "1"}, {"corrects": "gen_random_uuid()"},
    ):  # fmt: skip
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            await conn.execute(insert.format(**{**right, **wrong}))
    await conn.execute(insert.format(**right))
    of_itself = await conn.fetchval("SELECT id FROM settlements WHERE kind = 'correction'")
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await conn.execute(insert.format(**{**right, "corrects": f"'{of_itself}'"}))


async def test_when_the_connection_breaks_before_the_commit_there_is_no_correction(pod, conn, gift):
    charge = await settlement_of(conn, gift)
    blocker = conn.transaction()
    await blocker.start()
    await conn.execute("LOCK TABLE payment_audit IN EXCLUSIVE MODE")
    asking = asyncio.create_task(correct(pod, charge, 50))
    pid, *_ = await until_waiting(conn)
    await conn.execute("SELECT pg_terminate_backend($1)", pid)
    await blocker.commit()
    assert (await asking)[0] == 503
    assert await total(pod) == (109, 1, {})
    assert (await correct(pod, charge, 50))[1]["data"]["changed"] is True
    assert await total(pod) == (50, 1, {})


async def test_the_command_corrects_and_says_so_by_json_and_exit_code(pod, conn, dsn, gift):
    charge = await settlement_of(conn, gift)
    code, said, _ = await command(dsn, {}, "correct", charge, "--usd", "50", "--reason", "wrong rate")
    assert code == 0
    found = json.loads(said)
    assert (found["settlement"], found["usdBefore"], found["usdAfter"], found["changed"]) == (charge, "109", "50", True)
    assert await total(pod) == (50, 1, {})
    assert await conn.fetchval("SELECT actor FROM payment_audit ORDER BY id DESC LIMIT 1") == "command line"
    for arguments, ends, complaint in (
        ((charge, "--usd", "-5", "--reason", "wrong rate"), 2, "--usd must be 0 or more"),
        ((charge, "--usd", "5", "--reason", "a@example.com"), 2, "--reason must not contain an e-mail"),
        ((charge, "--usd", "five", "--reason", "wrong rate"), 2, "is not an amount"),
        (("x", "--usd", "5", "--reason", "wrong rate"), 2, "is not a settlement id"),
        ((str(uuid4()), "--usd", "5", "--reason", "wrong rate"), 1, "No settlement has this id"),
    ):
        code, _, complained = await command(dsn, {}, "correct", *arguments)
        assert (code, complaint in complained) == (ends, True), complained


PAYMENT = """
INSERT INTO payments (amount, currency, price_currency, status, provider, source, livemode)
VALUES ($1, $2, $3, 'completed', 'nowpayments', 'charter', false) RETURNING id
"""
MOVED = """
INSERT INTO settlements (payment_id, provider, livemode, kind, provider_ref, amount, currency, usd_amount, created_at)
VALUES ($1, 'nowpayments', false, $2, gen_random_uuid()::text, $3::numeric, $4, $5::numeric,
        now() - $6 * interval '1 day')
"""


async def moved(conn, amount, currency, usd, *, kind="charge", price=25, age=0, payment=None):
    payment = payment or await conn.fetchval(PAYMENT, price, currency, "USD")
    await conn.execute(MOVED, payment, kind, Decimal(amount), currency, Decimal(usd) if usd else None, age)
    return payment


async def suspects(dsn, sandbox):
    code, said, complained = await command(dsn, sandbox.environment, "reconcile", "--audit-values")
    found = json.loads(said)
    assert code == (1 if found["count"] else 0), complained
    return sorted((each["rule"], each["usdAmount"]) for each in found["settlements"])


async def test_values_that_look_wrong_are_listed_with_the_rule_that_they_break(pod, sandbox, conn, dsn):
    for number in range(6):
        await moved(conn, "0.0002", "BTC", "20", price=20 + number % 2)
    assert await suspects(dsn, sandbox) == []
    await moved(conn, "25", "BTC", "2425018")
    await moved(conn, "0.00002", "BTC", "7", age=3)
    await moved(conn, "0.001", "ETH", None, age=2)
    await moved(conn, "0.001", "ETH", None)
    await moved(conn, "25", "USD", "24", age=5)
    await conn.execute("INSERT INTO fx_rates VALUES ('LTC', (now() - interval '9 days')::date, 80)")
    await moved(conn, "0.3", "LTC", "60", age=9)
    refunded = await moved(conn, "0.5", "XLM", "10", price=10, age=7)
    await moved(conn, "-0.5", "XLM", "-24", kind="refund", age=7, payment=refunded)
    assert await suspects(dsn, sandbox) == [
        ("far_from_price", "2425018"), ("far_from_price", "7"), ("far_from_rate", "60"), ("more_went_back", "-24"),
        ("usd_differs", "24"), ("value_unknown", None),
    ]  # fmt: skip
    wrong = await conn.fetchval("SELECT id::text FROM settlements WHERE usd_amount = 2425018")
    assert (await correct(pod, wrong, 25))[0] == 200
    assert ("far_from_price", "2425018") not in await suspects(dsn, sandbox)
    code, _, complained = await command(dsn, sandbox.environment, "reconcile", "--audit-values", "--once")
    assert (code, "cannot be combined" in complained) == (2, True)


async def test_a_value_far_from_its_peers_of_the_day_is_listed(pod, sandbox, conn, dsn):
    for _ in range(6):
        await moved(conn, "100", "SEK", "10", price=100)
    await conn.execute("UPDATE payments SET price_currency = 'SEK'")
    odd = await moved(conn, "100", "SEK", "30", price=100)
    await conn.execute("UPDATE payments SET price_currency = 'SEK' WHERE id = $1", odd)
    assert await suspects(dsn, sandbox) == [("far_from_peers", "30")]


async def test_the_reference_names_every_kind_of_settlement(conn):
    """A value that was unknown may belong to any of them, and the answer is the settlement itself."""
    rule = await conn.fetchval(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'settlements_kind_known'"
    )
    named = get_args(CorrectionAnswer.model_fields["kind"].annotation)
    assert sorted(named) == sorted(re.findall("'([a-z_]+)'", rule))
