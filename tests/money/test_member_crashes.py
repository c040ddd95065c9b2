"""A process that opens a member's first checkout dies after each statement and each call; a repeat finishes it."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from hingecraft.credits.checkouts import MemberCheckouts, Wanted
from hingecraft.credits.plan_session_tokens import PlanSessionTokens
from hingecraft.credits.plan_sessions import PlanSessions
from hingecraft.credits.prices.service import Prices
from hingecraft.db.connection import Database
from hingecraft.idempotency import service as idempotency
from hingecraft.idempotency.model import StoredAnswer
from hingecraft.money.book import CurrencyBook
from hingecraft.payments.model import ProviderFailedError
from hingecraft.providers.patience import Deadline
from hingecraft.providers.registry import Providers
from hingecraft.settings import Secret
from support.members import PACK, PLAN, sell
from support.pods import SITE_URL, settings_of

KEY = "a-key-of-a-member"
SECRET = Secret("a plan session secret of at least 32 characters")
LEASE_ENDS = "UPDATE idempotency_keys SET claimed_until = now() WHERE status IS NULL"
PAYMENTS = "SELECT status FROM payments WHERE user_id = $1"
CUSTOMERS = "SELECT customer_id FROM customers WHERE user_id = $1"


class DiedError(BaseException):
    """Nothing of the process is run after it."""


class Life:
    """Counts the moments at which a process can die, and ends it at one of them."""

    def __init__(self, ends_at):
        self.ends_at = ends_at
        self.moments = 0

    def moment(self):
        self.moments += 1
        if self.moments == self.ends_at:
            raise DiedError

    def through(self, database):
        """Before and after each connection and transaction: whatever was committed stays."""
        for name in ("connection", "transaction"):
            setattr(database, name, self._around(getattr(database, name)))

    def _around(self, opened):
        @asynccontextmanager
        async def dying():
            self.moment()
            async with opened() as conn:
                yield conn
            self.moment()

        return dying

    def calling(self, port, *names):
        """Before and after each call: whatever Stripe has done stays."""
        for name in names:
            setattr(port, name, self._called(getattr(port, name)))

    def _called(self, method):
        async def dying(*arguments, **named):
            self.moment()
            answer = await method(*arguments, **named)
            self.moment()
            return answer

        return dying


class Process:
    """What a pod has of all this, for one request."""

    def __init__(self, dsn, settings, life):
        self.database = DyingDatabase(dsn, application="test", largest=3)
        life.through(self.database)
        self.providers = Providers.from_settings(settings)
        stripe = self.providers.stripe
        stripe.customers, stripe.sessions = Port(stripe.customers), Port(stripe.sessions)
        life.calling(stripe.customers, "create", "subscriptions_of")
        life.calling(stripe.sessions, "create", "retrieve", "expire")
        prices = Prices(self.database, stripe.prices, CurrencyBook(self.database), configured=True)
        sessions = PlanSessions(self.database, SECRET)
        self.checkouts = MemberCheckouts(self.database, self.providers, prices, sessions, SITE_URL)

    async def buy_chosen(self, user, token):
        """With a plan session, and without a key."""
        wanted = Wanted(
            user_id=user, email=None, price_id="", plan_type=None, metadata={}, success_url=None, cancel_url=None,
            request_id="a-request", deadline=Deadline.within(10), claim=None, plan_session=token,
        )  # fmt: skip
        return (await self.checkouts.open(wanted)).provider_id

    async def buy(self, user, price):
        deadline = Deadline.within(10)
        claim = await idempotency.claim(self.database, f"POST {user}", KEY, "print", deadline)
        if isinstance(claim, StoredAnswer):
            return json.loads(claim.body)
        wanted = Wanted(
            user_id=user, email=None, price_id=price, plan_type=None, metadata={}, success_url=None, cancel_url=None,
            request_id="a-request", deadline=deadline, claim=claim,
        )  # fmt: skip
        opened = await self.checkouts.open(wanted)
        await idempotency.keep(self.database, claim, 201, json.dumps(opened.provider_id))
        return opened.provider_id

    async def until_bought(self, user, price):
        """As a page does that gets no answer."""
        for _ in range(10):
            try:
                return await self.buy(user, price)
            except ProviderFailedError:
                async with self.database.connection() as conn:
                    await conn.execute(LEASE_ENDS)
        raise AssertionError("the sandbox does not answer")

    async def close(self):
        await self.providers.close()
        await self.database.close()


class DyingDatabase(Database):
    """Its methods are replaced for one object."""


class Port:
    """The same port, of which methods can be replaced."""

    def __init__(self, port):
        self._port = port

    def __getattr__(self, name):
        return getattr(self._port, name)


@pytest.mark.parametrize("code", [PACK, PLAN])
async def test_wherever_it_dies_there_is_one_customer_one_session_and_one_payment(dsn, sandbox, conn, code):
    price = (await sell(conn, sandbox, code))[code]
    await conn.execute("UPDATE credit_prices SET amount = 5, currency = 'USD' WHERE price_id = $1", price)
    settings = settings_of(dsn, **sandbox.settings)
    died, at = True, 0
    while died:
        at, user = at + 1, uuid4()
        died = False
        first = Process(dsn, settings, Life(at))
        try:
            await first.buy(user, price)
        except (DiedError, ProviderFailedError):  # on a busy machine the sandbox may not answer in time
            died = True
        await first.close()
        await conn.execute(LEASE_ENDS)
        second = Process(dsn, settings, Life(None))
        session_id = await second.until_bought(user, price)
        await second.close()
        sessions = (await sandbox.stripe("checkout/sessions?limit=100"))["data"]
        assert [each["id"] for each in sessions if each["client_reference_id"] == str(user)] == [session_id], at
        customers = (await sandbox.stripe("customers?limit=100"))["data"]
        mine = [each["id"] for each in customers if each["metadata"].get("userId") == str(user)]
        assert [row["customer_id"] for row in await conn.fetch(CUSTOMERS, user)] == mine
        assert len(mine) == 1, at
        assert [row["status"] for row in await conn.fetch(PAYMENTS, user)] == ["pending"], at
    assert at > 15, "it died at many moments"


async def test_wherever_it_dies_a_plan_session_opens_one_checkout(dsn, sandbox, conn):
    """The repeat has no key: the plan session says which checkout it was."""
    price = (await sell(conn, sandbox, PLAN))[PLAN]
    await conn.execute("UPDATE credit_prices SET amount = 9, currency = 'USD' WHERE price_id = $1", price)
    settings = settings_of(dsn, **sandbox.settings)
    died, at = True, 0
    while died:
        at, user = at + 1, uuid4()
        token, _ = PlanSessionTokens(SECRET).sign(price, "basic", {})
        died = False
        first = Process(dsn, settings, Life(at))
        try:
            await first.buy_chosen(user, token)
        except (DiedError, ProviderFailedError):  # on a busy machine the sandbox may not answer in time
            died = True
        await first.close()
        second = Process(dsn, settings, Life(None))
        session_id = await second.buy_chosen(user, token)
        await second.close()
        sessions = (await sandbox.stripe("checkout/sessions?limit=100"))["data"]
        assert [each["id"] for each in sessions if each["client_reference_id"] == str(user)] == [session_id], at
        assert [row["status"] for row in await conn.fetch(PAYMENTS, user)] == ["pending"], at
    assert at > 15, "it died at many moments"
