"""Money that disputes take and bring back, booked by balance transaction, whatever the dispute's status is."""

from __future__ import annotations

from decimal import Decimal

import pytest

from support.money import all_processed, becomes, completes, ledger, send_stripe, status_of, stripe_event


async def dispute_of(sandbox):
    return (await sandbox.stripe("disputes?limit=1"))["data"][0]


async def decide(sandbox, *ends):
    dispute = await dispute_of(sandbox)
    for end in ends:
        await sandbox.ask("POST", f"/pay/stripe/dispute/{dispute['id']}/{end}", allow_redirects=False)


async def act(sandbox, payment, *acts):
    (session,) = await sandbox.sessions(payment)
    for each in acts:
        await sandbox.act(session["id"], each)


@pytest.mark.parametrize(
    ("begins", "ends", "told", "status", "left"),
    [
        ("block", (), 1, "completed", 5),
        ("resolve", (), 2, "disputed", 0),
        ("inquire", (), 1, "completed", 5),
        ("inquire", ("drop",), 2, "completed", 5),
        ("inquire", ("escalate",), 3, "disputed", 0),
        ("inquire", ("escalate", "won"), 5, "completed", 5),
        ("dispute", ("lost", "appeal"), 4, "disputed", 0),
        ("dispute", ("lost", "appeal", "won"), 6, "completed", 5),
        ("dispute", ("lost", "appeal", "lost"), 5, "disputed", 0),
    ],
)
async def test_only_what_was_withdrawn_is_taken(pod, sandbox, conn, begins, ends, told, status, left):
    payment = await completes(pod, sandbox, conn, amount=5)
    await sandbox.tells(pod.public, times=2, shuffled=True)
    await act(sandbox, payment, begins)
    await decide(sandbox, *ends)
    await all_processed(conn, at_least=3 + told)
    assert await status_of(conn, payment) == status
    assert await conn.fetchval("SELECT sum(amount) FROM settlements") == left
    _, answer = await pod.call("GET", "/charter/total")
    assert answer["data"]["total"] == left


async def test_a_dispute_of_euros_is_worth_the_dollars_that_left_the_balance(pod, sandbox, conn):
    payment = await completes(pod, sandbox, conn, amount="37.50", currency="EUR")
    await act(sandbox, payment, "dispute")
    await becomes(conn, payment, "disputed")
    dispute = await dispute_of(sandbox)
    # The rate of the day on which the money came back is another one.
    back = {**dispute["balance_transactions"][0], "id": "txn_back", "amount": 4200, "net": 4200, "fee": 0}
    moves = [*dispute["balance_transactions"], back]
    won = {**dispute, "status": "won", "balance_transactions": moves}
    await send_stripe(pod, stripe_event("charge.dispute.funds_reinstated", won))
    await all_processed(conn, at_least=6)
    charge, taken, given = await ledger(conn, payment)
    assert charge == ("charge", Decimal("37.5"), "EUR", Decimal("40.87"))
    assert taken == ("dispute", Decimal("-37.5"), "EUR", Decimal("-40.87"))
    assert given == ("dispute_reversal", Decimal("37.5"), "EUR", Decimal(42))
    assert await status_of(conn, payment) == "completed"


async def test_a_dispute_that_left_another_balance_than_dollars_takes_its_share_of_the_gift(pod, sandbox, conn):
    """An account that is paid out in pounds: what left it says nothing about dollars, and the gift had a value."""
    payment = await completes(pod, sandbox, conn, amount="37.50", currency="EUR")
    await sandbox.tells(pod.public, enabled=False)
    await act(sandbox, payment, "dispute")
    dispute = await dispute_of(sandbox)
    (move,) = dispute["balance_transactions"]
    told = {**dispute, "balance_transactions": [{**move, "amount": -3200, "currency": "gbp"}]}
    await send_stripe(pod, stripe_event("charge.dispute.funds_withdrawn", told))
    await becomes(conn, payment, "disputed")
    assert (await ledger(conn, payment))[1] == ("dispute", Decimal("-37.5"), "EUR", Decimal("-40.87"))
    _, answer = await pod.call("GET", "/charter/total")
    assert (answer["data"]["total"], answer["data"]["unconverted"]) == (0, {})


@pytest.mark.parametrize(
    "change", [{"status": "something_new"}, {"balance_transactions": None}, {"balance_transactions": []}]
)
async def test_what_an_event_does_not_say_is_asked(pod, sandbox, conn, change):
    payment = await completes(pod, sandbox, conn, amount=5)
    await sandbox.tells(pod.public, enabled=False)
    await act(sandbox, payment, "dispute")
    told = {**await dispute_of(sandbox), **change}
    await send_stripe(pod, stripe_event("charge.dispute.updated", told))
    await becomes(conn, payment, "disputed")
    await all_processed(conn, at_least=4)
    assert await ledger(conn, payment) == [("charge", 5, "USD", 5), ("dispute", -5, "USD", -5)]


async def test_a_status_that_is_new_to_us_takes_nothing_when_nothing_was_withdrawn(pod, sandbox, conn):
    payment = await completes(pod, sandbox, conn, amount=5)
    await sandbox.tells(pod.public, enabled=False)
    await act(sandbox, payment, "block")
    dispute = await dispute_of(sandbox)
    await sandbox.change("disputes", dispute["id"], status="something_new")
    await send_stripe(pod, stripe_event("charge.dispute.updated", {**dispute, "status": "something_new"}))
    await all_processed(conn, at_least=4)
    assert await ledger(conn, payment) == [("charge", 5, "USD", 5)]
    assert await status_of(conn, payment) == "completed"
