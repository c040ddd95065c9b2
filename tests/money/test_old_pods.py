"""Pods of the release before ignore what they have no handler for; pods of this one process it again, once."""

from __future__ import annotations

import json

import pytest

from hingecraft.inbox import store as inbox
from hingecraft.inbox.handlers import Handlers, Registration
from hingecraft.inbox.reopening import reopen_taken
from hingecraft.inbox.worker import Worker
from hingecraft.payments import applying
from hingecraft.payments.books import Books
from hingecraft.providers.stripe import webhook
from hingecraft.providers.stripe.reading import EVENT_TYPES
from hingecraft.systems import PURPOSES
from support.members import PLAN, Member, idle_pod_for_members, sell
from support.purchases import changes

MONTH = (100, "basic_plan_monthly")
IGNORED = "SELECT type FROM provider_events WHERE ignored_because = 'nothing here takes ' || type ORDER BY type"


@pytest.fixture
async def pod(dsn, sandbox):
    async with idle_pod_for_members(dsn, sandbox) as running:
        yield running


@pytest.fixture
def old(pod):
    """The worker of a pod that knows neither invoices nor subscriptions nor customers."""
    parts = pod.pod
    found = applying.registrations(parts.providers, parts.currencies, Books(PURPOSES))
    types = frozenset(kind for kind in EVENT_TYPES if not kind.startswith("invoice."))
    (stripe,) = [each for each in found if each.source == "stripe"]
    return Worker(parts.database, Handlers([Registration(source="stripe", handler=stripe.handler, types=types)]))


async def deliver(sandbox, conn):
    events = (await sandbox.stripe("events?limit=100"))["data"]
    wanted = [each for each in events if each["type"] in {"invoice.paid", "customer.subscription.created"}]
    await inbox.store(conn, [webhook.event_of(json.dumps(each).encode()) for each in wanted])


async def test_invoices_and_subscriptions_that_an_old_pod_ignored_are_booked_once(pod, old, sandbox, conn):
    ada = Member(pod)
    bought = await ada.buy((await sell(conn, sandbox, PLAN))[PLAN])
    await sandbox.act(bought["sessionId"], "pay")
    await deliver(sandbox, conn)
    await old.drain()
    assert [row["type"] for row in await conn.fetch(IGNORED)] == ["customer.subscription.created", "invoice.paid"]
    assert await changes(conn, ada.id) == []
    await pod.pod.worker.drain()
    assert await changes(conn, ada.id) == [], "an ignored event is not looked at by itself"
    for opened in (2, 0):
        assert await reopen_taken(pod.pod.database, pod.pod.worker.handlers) == opened
        await pod.pod.worker.drain()
        assert await changes(conn, ada.id) == [MONTH]
    assert await conn.fetch(IGNORED) == []
    assert await conn.fetchval("SELECT status FROM payments") == "completed"
    assert await conn.fetchval("SELECT status FROM subscriptions") == "active"


async def test_an_old_pod_that_ignores_them_again_costs_nothing(pod, old, sandbox, conn):
    ada = Member(pod)
    bought = await ada.buy((await sell(conn, sandbox, PLAN))[PLAN])
    await sandbox.act(bought["sessionId"], "pay")
    await deliver(sandbox, conn)
    for _ in range(2):
        await old.drain()
        assert await reopen_taken(pod.pod.database, pod.pod.worker.handlers) == 2
    await pod.pod.worker.drain()
    assert await changes(conn, ada.id) == [MONTH]
