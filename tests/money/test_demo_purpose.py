"""A purpose that no package of core knows: its effect is committed with the money, and only donations are announced."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from hingecraft import audit
from hingecraft.donations.purpose import DONATIONS
from hingecraft.inbox.handlers import Handlers
from hingecraft.inbox.worker import Worker
from hingecraft.payments import applying
from hingecraft.payments.books import Books
from hingecraft.payments.purpose import Purposes
from hingecraft.steps import Options, Steps
from support.money import give, ledger, send_stripe, status_of, stripe_event
from support.pods import running_pod
from support.reconciling import reconciler

LESSON = """
WITH payment AS (
    INSERT INTO payments (id, amount, currency, price_currency, status, provider, source, livemode, purpose, user_id)
    VALUES ($1, 5, 'USD', 'USD', 'pending', 'stripe', 'school', false, 'lessons', $2) RETURNING id
)
INSERT INTO external_payments (payment_id, gateway, provider, provider_id, currency, amount, status, kind, request,
                               idempotency_key, livemode)
SELECT id, 'stripe', 'stripe', 'cs_test_' || id, 'USD', 5, 'pending', 'single', '{}', id::text, false FROM payment
"""
GRANTED = "SELECT details ->> 'user', details ->> 'amount' FROM payment_audit WHERE action = 'granted'"
NEWS = "SELECT data ->> 'paymentId' FROM outbox WHERE type LIKE 'payment.%'"
SESSION = "SELECT provider_id FROM external_payments WHERE payment_id = $1::uuid"
DUE_NOW = "UPDATE provider_events SET next_attempt_at = now() WHERE processed_at IS NULL"
LISTENER = """
INSERT INTO webhook_endpoints (name, url, events) VALUES ('site', 'http://127.0.0.1:9', '{payment.completed}')
"""


class Lessons:
    """Grants lessons for each charge, and takes them back for each refund."""

    name = "lessons"
    description = "Lessons"

    def __init__(self) -> None:
        self.broken = False

    async def moved(self, conn, moves):
        for each in moves:
            for entry in each.decision.entries:
                await audit.append(
                    conn, actor="lessons", action="granted", request_id=each.cause.request_id,
                    payment_id=each.after.id, user=str(each.after.user_id), amount=str(entry.amount),
                )  # fmt: skip
        if self.broken:
            raise RuntimeError("a bug")


@pytest.fixture
async def pod(dsn, sandbox):
    async with running_pod(dsn, background=False, **sandbox.settings) as pod:
        yield pod


def worker_of(pod, *purposes):
    books = Books(Purposes(purposes, unasked=DONATIONS))
    return Worker(pod.pod.database, Handlers(applying.registrations(pod.pod.providers, pod.pod.currencies, books)))


async def paid(pod, payment, session_id, number=1):
    session = {
        "id": session_id, "object": "checkout.session", "mode": "payment", "livemode": False, "currency": "usd",
        "amount_total": 500, "amount_subtotal": 500, "status": "complete", "payment_status": "paid",
        "payment_intent": f"pi_{payment}", "payment_link": None, "client_reference_id": payment,
        "metadata": {"payment_id": payment},
    }  # fmt: skip
    assert (await send_stripe(pod, stripe_event("checkout.session.completed", session, number=number)))[0] == 200


async def bought(pod, conn):
    payment, user = str(uuid4()), uuid4()
    await conn.execute(LESSON, payment, user)
    await paid(pod, payment, f"cs_test_{payment}")
    return payment, user


async def test_the_effect_of_a_purpose_comes_with_the_money_and_once(pod, conn):
    payment, user = await bought(pod, conn)
    worker = worker_of(pod, Lessons())
    assert await worker.drain() == 1
    assert await status_of(conn, payment) == "completed"
    await paid(pod, payment, f"cs_test_{payment}", number=2)
    assert await worker.drain() == 1
    assert [tuple(row) for row in await conn.fetch(GRANTED)] == [(str(user), "5.00")]
    assert await conn.fetchval("SELECT purpose FROM settlements") == "lessons"


async def test_only_donations_are_announced_and_counted(pod, conn):
    await conn.execute(LISTENER)
    donation = (await give(pod, amount=5))["paymentId"]
    await bought(pod, conn)
    await paid(pod, donation, await conn.fetchval(SESSION, donation), number=2)
    await worker_of(pod, Lessons()).drain()
    assert await conn.fetchval("SELECT count(*) FROM settlements") == 2
    assert await conn.fetchval("SELECT sum(charges)::int FROM settlement_totals") == 1
    assert [row[0] for row in await conn.fetch(NEWS)] == [donation]


async def test_an_error_in_the_effect_takes_the_money_back_until_it_works(pod, conn):
    lessons = Lessons()
    lessons.broken = True
    payment, _ = await bought(pod, conn)
    worker = worker_of(pod, lessons)
    await worker.drain()
    assert await status_of(conn, payment) == "pending"
    assert await ledger(conn, payment) == []
    assert await conn.fetch(GRANTED) == []
    assert await conn.fetchval("SELECT error FROM provider_events") == "RuntimeError: a bug"
    lessons.broken = False
    await conn.execute(DUE_NOW)
    await worker.drain()
    assert await status_of(conn, payment) == "completed"
    assert len(await conn.fetch(GRANTED)) == 1


async def test_money_for_a_purpose_that_this_release_does_not_know_waits(pod, conn):
    payment, _ = await bought(pod, conn)
    await worker_of(pod).drain()
    assert await status_of(conn, payment) == "pending"
    assert await conn.fetchval("SELECT error FROM provider_events") == "unknown purpose 'lessons'"
    await conn.execute(DUE_NOW)
    await worker_of(pod, Lessons()).drain()
    assert await status_of(conn, payment) == "completed"


@pytest.mark.parametrize("dry_run", [False, True])
async def test_a_system_adds_its_steps_to_a_reconciliation(pod, dsn, sandbox, conn, dry_run):
    payment = (await give(pod, amount=5))["paymentId"]
    await sandbox.act(await conn.fetchval(SESSION, payment), "pay")
    seen = []

    async def before(run):
        seen.append((await status_of(conn, payment), run.dry))
        run.summary.fail("the school is closed")

    async def after(run):
        seen.append((await status_of(conn, payment), run.dry))

    async with reconciler(dsn, **sandbox.settings) as each:
        school = replace(each, steps=Steps(before_events=(before,), after_checks=(after,)))
        summary = await school.run(Options(dry_run=dry_run))
    assert seen == [("pending", dry_run), ("pending" if dry_run else "completed", dry_run)]
    assert (summary.succeeded, summary.reasons) == (False, ["the school is closed"])
    kept = await conn.fetchval("SELECT summary ->> 'reasons' FROM reconcile_runs")
    assert kept == (None if dry_run else '["the school is closed"]')
