"""A system that sells something opens its checkout as donations do, without touching core."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from hingecraft.db.connection import Database
from hingecraft.payments.attempts import Attempt, Attempts, Failure, OpenCheckout
from hingecraft.payments.model import REPLAYED_FOR, ProviderFailedError, Status
from hingecraft.payments.store import NewCheckout
from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import Order
from hingecraft.providers.registry import Providers
from support.conformance import USD
from support.pods import settings_of

ROW = """
SELECT p.status, p.purpose, p.user_id, e.status AS checkout, e.provider_id, e.idempotency_key
FROM payments p JOIN external_payments e ON e.payment_id = p.id WHERE p.id = $1
"""
AGE = "UPDATE external_payments SET created_at = created_at - $2::interval WHERE payment_id = $1"


class School:
    """Sells lessons, at Stripe only."""

    def __init__(self, database: Database, providers: Providers) -> None:
        self.database = database
        self.providers = providers
        self.attempts = Attempts(database, providers)
        self.user = uuid.uuid4()

    def _new(self) -> NewCheckout:
        payment = uuid.uuid4()
        order = Order(
            payment_id=str(payment), amount=Decimal(5), currency=USD, price_currency=USD,
            success_url="https://www.example.com/lessons?status=success", cancel_url="https://www.example.com/lessons",
            opened_at=datetime.now(UTC), source="school", description="Lessons", key=f"school_{payment}",
        )  # fmt: skip
        return NewCheckout(
            payment_id=payment, amount=order.amount, currency="USD", price_currency="USD", status=Status.CREATING,
            provider="stripe", livemode=False, source=order.source, purpose="lessons", user_id=self.user,
            intent_id=None, carries_email=False, life=None, key=order.key,
            request=self.providers.stripe.request_for(order), url=None, details={},
        )  # fmt: skip

    async def begin(self) -> Attempt:
        async with self.database.connection() as conn:
            return await self.attempts.begin(conn, self.providers.stripe, self._new(), None, "a-request")

    async def call(self, attempt: Attempt, seconds: float = 10) -> OpenCheckout | Failure:
        return await self.attempts.call(attempt, Deadline.within(seconds), "a-request")


@pytest.fixture
async def school(dsn, sandbox):
    database, providers = (
        Database(dsn, application="test", largest=4), Providers.from_settings(settings_of(dsn, **sandbox.settings)),
    )  # fmt: skip
    yield School(database, providers)
    await providers.close()
    await database.close()


async def sold(school, sandbox, conn, attempt, link) -> None:
    """Sold once, to one user, for the school's purpose."""
    assert isinstance(link, OpenCheckout)
    row = await conn.fetchrow(ROW, attempt.payment_id)
    assert (row["status"], row["checkout"], row["purpose"], row["user_id"]) == (
        "pending", "pending", "lessons", school.user,
    )  # fmt: skip
    assert row["idempotency_key"] == f"school_{attempt.payment_id}"
    sessions = await sandbox.sessions(str(attempt.payment_id))
    assert [session["id"] for session in sessions] == [row["provider_id"]] == [link.provider_id]


async def test_a_checkout_of_any_purpose_is_opened(school, sandbox, conn):
    attempt = await school.begin()
    assert (await conn.fetchrow(ROW, attempt.payment_id))["status"] == "creating"
    await sold(school, sandbox, conn, attempt, await school.call(attempt))


async def test_one_that_died_before_the_call_is_finished_with_the_same_parameters(school, sandbox, conn):
    begun = await school.begin()
    found = await school.attempts.resume(begun.payment_id)
    assert found == begun
    await sold(school, sandbox, conn, begun, await school.call(found))


async def test_one_that_died_after_the_call_is_found_and_not_made_again(school, sandbox, conn):
    begun = await school.begin()
    await begun.provider.open(begun.request, begun.key, Deadline.within(10))
    found = await school.attempts.resume(begun.payment_id)
    assert isinstance(found, Attempt)
    await sold(school, sandbox, conn, begun, await school.call(found))


async def test_two_who_finish_it_at_once_get_the_same_link(school, sandbox, conn):
    begun = await school.begin()
    first, second = await asyncio.gather(school.call(begun), school.call(begun))
    assert first == second
    await sold(school, sandbox, conn, begun, first)
    assert await school.attempts.resume(begun.payment_id) == first


async def test_a_failure_is_written_down_only_when_the_system_says_that_nothing_else_is_left(school, sandbox, conn):
    begun = await school.begin()
    await sandbox.fault("status_before", method="POST", times=1, status=403)
    failure = await school.call(begun)
    assert isinstance(failure, Failure)
    assert (await conn.fetchrow(ROW, begun.payment_id))["status"] == "creating"
    with pytest.raises(ProviderFailedError):
        await school.attempts.fail(begun, failure, "a-request")
    assert (await conn.fetchrow(ROW, begun.payment_id))["checkout"] == "failed"
    assert await school.attempts.resume(begun.payment_id) is None


async def test_one_that_may_exist_is_unknown_and_can_be_finished(school, sandbox, conn):
    begun = await school.begin()
    await sandbox.fault("status_after", method="POST", times=9, status=500)
    failure = await school.call(begun, seconds=2)
    assert isinstance(failure, Failure)
    with pytest.raises(ProviderFailedError):
        await school.attempts.fail(begun, failure, "a-request")
    assert (await conn.fetchrow(ROW, begun.payment_id))["status"] == "unknown"
    await sandbox.ask("DELETE", "/_sandbox/faults")
    await sold(school, sandbox, conn, begun, await school.call(begun))


async def test_a_key_that_stripe_may_have_forgotten_is_not_used_again(school, conn):
    begun = await school.begin()
    await conn.execute(AGE, begun.payment_id, REPLAYED_FOR + timedelta(minutes=1))
    with pytest.raises(ProviderFailedError):
        await school.attempts.resume(begun.payment_id)
