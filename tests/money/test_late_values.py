"""The dollar value of a donation in another currency is often known only after the payment."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal

import asyncpg
import pytest

from support.limits import PROGRESS
from support.lock_waits import until_waiting
from support.money import all_processed, becomes, completes, give, ledger, send_stripe, stripe_event
from support.pods import ADMIN
from support.reconciling import reconcile

pytestmark = pytest.mark.usefixtures("few_links")

EUR = {"amount": 100, "currency": "EUR"}
UNKNOWN = [("charge", 100, "EUR", None)]
KNOWN = [("charge", 100, "EUR", 109)]


@pytest.fixture
async def late(sandbox):
    await sandbox.values_late()


async def act(sandbox, payment, what):
    (session,) = await sandbox.sessions(payment)
    await sandbox.act(session["id"], what)
    return session


async def valued(conn, payment, count=1):
    async with asyncio.timeout(PROGRESS):
        while (
            await conn.fetchval("SELECT count(usd_amount) FROM settlements WHERE payment_id = $1::uuid", payment)
            < count
        ):
            await asyncio.sleep(0.02)


async def total(pod):
    _, answer = await pod.call("GET", "/charter/total")
    return answer["data"]


async def as_kept(conn):
    """The totals as they are kept, and as they follow from the settlements."""
    kept = await conn.fetchrow(
        "SELECT sum(amount) AS amount, sum(usd_amount) AS usd, sum(unconverted) AS unconverted, sum(charges) AS gifts "
        "FROM settlement_totals"
    )
    summed = await conn.fetchrow(
        "SELECT sum(amount) AS amount, coalesce(sum(usd_amount), 0) AS usd, "
        "coalesce(sum(amount) FILTER (WHERE usd_amount IS NULL), 0) AS unconverted FROM settlements"
    )
    assert dict(kept) | {"gifts": 0} == dict(summed) | {"gifts": 0}
    return kept


@pytest.mark.usefixtures("late")
async def test_a_payment_completes_at_once_and_gets_its_value_when_stripe_says_it(pod, sandbox, conn):
    payment = await completes(pod, sandbox, conn, **EUR)
    await all_processed(conn, at_least=3)
    assert await ledger(conn, payment) == UNKNOWN
    assert ((await total(pod))["total"], (await total(pod))["unconverted"]) == (0, {"EUR": 100})
    await act(sandbox, payment, "value")
    await valued(conn, payment)
    assert await ledger(conn, payment) == KNOWN
    found = await total(pod)
    assert (found["total"], found["unconverted"], found["byCurrency"], found["count"]) == (109, {}, {"EUR": 100}, 1)
    _, answer = await pod.call("GET", f"/admin/payments/{payment}", headers=ADMIN)
    (told,) = [each for each in answer["data"]["trail"] if "values" in each["details"]]
    assert told["details"]["values"][0]["usd"] == "109"
    assert told["details"]["toldBy"] == "charge.updated"


@pytest.mark.usefixtures("late")
async def test_a_value_that_is_told_three_times_counts_once(pod, sandbox, conn):
    await sandbox.tells(pod.public, times=3, shuffled=True)
    payment = await completes(pod, sandbox, conn, **EUR)
    await act(sandbox, payment, "value")
    await valued(conn, payment)
    events = (await sandbox.stripe("events?type=charge.updated&limit=1"))["data"]
    again = {**events[0], "id": "evt_told_again_much_later"}
    assert (await send_stripe(pod, json.dumps(again).encode()))[0] == 200
    await all_processed(conn, at_least=5)
    assert await ledger(conn, payment) == KNOWN
    assert (await as_kept(conn))["usd"] == 109


@pytest.mark.usefixtures("late")
async def test_a_value_that_is_told_before_the_payment_completes_it(pod, sandbox, conn):
    await sandbox.tells(pod.public, enabled=False)
    given = await give(pod, **EUR)
    await act(sandbox, given["paymentId"], "pay")
    await act(sandbox, given["paymentId"], "value")
    events = (await sandbox.stripe("events?type=charge.updated&limit=1"))["data"]
    await send_stripe(pod, json.dumps(events[0]).encode())
    await becomes(conn, given["paymentId"], "completed")
    assert await ledger(conn, given["paymentId"]) == KNOWN


@pytest.mark.usefixtures("late")
async def test_what_went_back_meanwhile_gets_its_share_of_the_value(pod, sandbox, conn):
    payment = await completes(pod, sandbox, conn, **EUR)
    await act(sandbox, payment, "refund_half")
    await becomes(conn, payment, "partially_refunded")
    await act(sandbox, payment, "dispute")
    await becomes(conn, payment, "disputed")
    dispute = (await sandbox.stripe("disputes"))["data"][0]
    await sandbox.ask("POST", f"/pay/stripe/dispute/{dispute['id']}/won", allow_redirects=False)
    await becomes(conn, payment, "partially_refunded")
    # Stripe says at once what a dispute has taken, but the total must not lose what it never had.
    assert {kind: usd for kind, _, _, usd in await ledger(conn, payment)} == {
        "charge": None, "refund": None, "dispute": None, "dispute_reversal": None,
    }  # fmt: skip
    await act(sandbox, payment, "value")
    await valued(conn, payment, 4)
    worth = {kind: usd for kind, _, _, usd in await ledger(conn, payment)}
    assert worth == {
        "charge": 109, "refund": Decimal("-54.5"), "dispute": Decimal("-54.5"), "dispute_reversal": Decimal("54.5"),
    }  # fmt: skip
    assert (await as_kept(conn))["usd"] == Decimal("54.5")


@pytest.mark.usefixtures("late")
async def test_a_refund_has_no_value_before_its_gift_has_one(pod, sandbox, conn):
    """A rate that was entered in between values later gifts, and takes nothing from the total that never came."""
    payment = await completes(pod, sandbox, conn, **EUR)
    await conn.execute("INSERT INTO fx_rates VALUES ('EUR', (now() AT TIME ZONE 'UTC')::date, 1.2)")
    await act(sandbox, payment, "refund_half")
    await becomes(conn, payment, "partially_refunded")
    assert await ledger(conn, payment) == [*UNKNOWN, ("refund", -50, "EUR", None)]
    found = await total(pod)
    assert (found["total"], found["unconverted"], found["count"]) == (0, {"EUR": 50}, 1)
    await act(sandbox, payment, "value")
    await valued(conn, payment, 2)
    assert await ledger(conn, payment) == [*KNOWN, ("refund", -50, "EUR", Decimal("-54.5"))]
    later = await completes(pod, sandbox, conn, **EUR)
    assert await ledger(conn, later) == [("charge", 100, "EUR", 120)]


@pytest.mark.usefixtures("late")
@pytest.mark.parametrize("currency", ["EUR", "USD"])
async def test_nobody_is_asked_about_a_value_that_is_known(pod, sandbox, conn, currency):
    payment = await completes(pod, sandbox, conn, amount=100, currency=currency)
    await act(sandbox, payment, "value")
    await valued(conn, payment)
    await all_processed(conn, at_least=4)
    await sandbox.fault("status_before", status=403, provider="stripe", method="GET", times=1)
    body = stripe_event("charge.updated", await charge_of(conn, payment))
    assert (await send_stripe(pod, body))[0] == 200
    await all_processed(conn, at_least=5)
    assert (await sandbox.ask("GET", "/_sandbox/switches"))["faults"], "Stripe was asked"


async def charge_of(conn, payment):
    intent = await conn.fetchval("SELECT provider_ref FROM settlements WHERE payment_id = $1::uuid", payment)
    return {
        "id": "ch_1", "object": "charge", "payment_intent": intent, "livemode": False, "balance_transaction": "txn_1",
        "metadata": {"payment_id": payment},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"metadata": {}}, "neither our reference nor our link"),
        ({"balance_transaction": None}, "does not say what the payment is worth"),
        ({"payment_intent": None}, "no PaymentIntent"),
        ({"payment_intent": "pi_of_somebody_else"}, "does not belong to a checkout"),
    ],
)
async def test_a_charge_without_our_data_is_ignored_with_the_reason(pod, sandbox, conn, change, why):
    payment = await completes(pod, sandbox, conn, amount=5)
    await all_processed(conn, at_least=3)
    await send_stripe(pod, stripe_event("charge.updated", {**await charge_of(conn, payment), **change}))
    await all_processed(conn, at_least=4)
    found = await conn.fetchval("SELECT ignored_because FROM provider_events WHERE type = 'charge.updated'")
    assert why in found


@pytest.mark.usefixtures("late")
async def test_reconciliation_asks_for_the_value_that_nobody_told_us(pod, sandbox, conn, dsn):
    payment = await completes(pod, sandbox, conn, **EUR)
    await all_processed(conn, at_least=3)
    await sandbox.tells(pod.public, enabled=False)
    await act(sandbox, payment, "value")
    await sandbox.ask("DELETE", "/_sandbox/book/events")
    rehearsed = await reconcile(dsn, sandbox.settings, dry_run=True)
    assert (rehearsed.values_asked, rehearsed.values_found) == (1, 1)
    assert await ledger(conn, payment) == UNKNOWN
    found = await reconcile(dsn, sandbox.settings)
    assert (found.values_asked, found.values_found, found.errors) == (1, 1, 0)
    assert await ledger(conn, payment) == KNOWN
    again = await reconcile(dsn, sandbox.settings)
    assert again.values_asked == 0
    assert await conn.fetchval("SELECT count(*) FROM settlement_value_checks") == 0


@pytest.mark.usefixtures("late")
async def test_reconciliation_asks_less_and_less_and_never_for_what_stripe_has_in_another_currency(
    pod, sandbox, conn, dsn
):
    unknown = await completes(pod, sandbox, conn, **EUR)
    await sandbox.ask("PUT", "/_sandbox/balance", json={"late": False})
    await completes(pod, sandbox, conn, amount=100, currency="SEK")
    await all_processed(conn, at_least=6)
    assert (await reconcile(dsn, sandbox.settings, every_checkout=False)).values_asked == 2
    assert (await reconcile(dsn, sandbox.settings, every_checkout=False)).values_asked == 0, "not yet again"
    await conn.execute("UPDATE settlement_value_checks SET next_check_at = now() WHERE next_check_at < 'infinity'")
    again = await reconcile(dsn, sandbox.settings, every_checkout=False)
    assert (again.values_asked, again.values_found) == (1, 0)
    assert await ledger(conn, unknown) == UNKNOWN


@pytest.mark.usefixtures("late")
async def test_a_provider_that_is_away_is_an_error_and_asked_again_by_the_next_run(pod, sandbox, conn, dsn):
    payment = await completes(pod, sandbox, conn, **EUR)
    await all_processed(conn, at_least=3)
    await sandbox.tells(pod.public, enabled=False)
    await act(sandbox, payment, "value")
    await sandbox.ask("DELETE", "/_sandbox/book/events")
    await sandbox.fault("status_before", status=403, path="checkout/sessions", method="GET", times=1)
    found = await reconcile(dsn, sandbox.settings, every_checkout=False)
    assert (found.errors, found.values_found) == (1, 0)
    assert "value" in found.reasons[0]
    assert (await reconcile(dsn, sandbox.settings, every_checkout=False)).values_found == 1


@pytest.mark.usefixtures("late")
async def test_a_settlement_changes_once_and_only_by_getting_a_value(pod, sandbox, conn):
    payment = await completes(pod, sandbox, conn, **EUR)
    await all_processed(conn, at_least=3)
    for refused in (
        "usd_amount = NULL", "amount = 1, usd_amount = 1", "usd_amount = 1, created_at = now()", "reason = 'x'",
        "usd_amount = 1, payment_id = gen_random_uuid()",
    ):  # fmt: skip
        with pytest.raises(asyncpg.IntegrityConstraintViolationError) as error:
            await conn.execute(f"UPDATE settlements SET {refused}")
        assert error.value.constraint_name == "settlements_append_only"
    with pytest.raises(asyncpg.CheckViolationError):
        await conn.execute("UPDATE settlements SET usd_amount = -1")
    await conn.execute("UPDATE settlements SET usd_amount = 109")
    for refused in ("usd_amount = 109", "usd_amount = 110", "usd_amount = NULL"):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            await conn.execute(f"UPDATE settlements SET {refused}")
    assert await ledger(conn, payment) == KNOWN
    await conn.execute("SET ROLE hingecraft_app")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await conn.execute("UPDATE settlements SET amount = 1")
    await conn.execute("RESET ROLE")
    assert (await as_kept(conn))["unconverted"] == 0


@pytest.mark.usefixtures("late")
async def test_when_the_connection_breaks_between_the_value_and_its_end_nothing_is_kept(pod, sandbox, conn):
    """The settlement's value and the event's end are one transaction: it is broken off just before the commit."""
    payment = await completes(pod, sandbox, conn, **EUR)
    await all_processed(conn, at_least=3)
    blocker = conn.transaction()
    await blocker.start()
    await conn.execute("LOCK TABLE payment_audit IN EXCLUSIVE MODE")
    await act(sandbox, payment, "value")
    pid, *_ = await until_waiting(conn)
    await conn.execute("SELECT pg_terminate_backend($1)", pid)
    await blocker.commit()
    await conn.execute(
        "UPDATE provider_events SET claimed_until = NULL, next_attempt_at = now() WHERE processed_at IS NULL"
    )
    await valued(conn, payment)
    await all_processed(conn, at_least=4)
    assert await ledger(conn, payment) == KNOWN
    assert (await as_kept(conn))["usd"] == 109
