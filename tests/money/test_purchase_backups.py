"""After a backup of yesterday was restored, what only Stripe knows of purchases is found again, once."""

from __future__ import annotations

from contextlib import asynccontextmanager

import asyncpg
import pytest

from hingecraft.settings import DsnSecret
from support.buying import Buyer
from support.orders import World
from support.purchase_books import Account, held_by
from support.purchase_orders import PurchaseWorld

DESIGN, COURSE, SUBSCRIPTION = range(3)


@asynccontextmanager
async def world_of(dsn, sandbox, products=None):
    """Leaves the objects at Stripe to the next one."""
    world = PurchaseWorld(dsn, sandbox)
    await world.open(products)
    try:
        yield world
    finally:
        await World.leave(world)


@pytest.fixture
async def backup(dsn, server):
    """Makes a copy of the database, to which nobody is connected then."""
    admin = await asyncpg.connect(server)
    name = dsn.newest.rpartition("/")[2]

    async def make():
        await admin.execute(f"CREATE DATABASE {name}_copy TEMPLATE {name} STRATEGY file_copy")
        return DsnSecret(f"{dsn.newest}_copy")

    yield make
    await admin.execute(f"DROP DATABASE IF EXISTS {name}_copy WITH (FORCE)")
    await admin.close()


async def bought(world, member, product):
    """Begun, paid, and booked."""
    await world.buy(member, product)
    await world.act("payment_intents", "i", 0, "pay")
    await booked(world)


async def booked(world):
    await world.deliver(list(reversed(await world.objects("events"))))
    await world.work()


async def test_payments_subscriptions_renewals_refunds_and_customers_of_today_are_found(dsn, sandbox, backup):
    async with world_of(dsn, sandbox) as world:
        await world.begin()
        ada, bob, cyd, dan, eve = members = [Buyer(world.pod) for _ in range(5)]
        await bought(world, ada, DESIGN)
        await bought(world, bob, SUBSCRIPTION)
        await world.buy(cyd, COURSE)
    yesterday = await backup()
    async with world_of(dsn, sandbox, world.products) as today:
        for member in members:
            member.pod = today.pod
        await today.act("payment_intents", "i", 0, "pay")
        await today.bank(-1, "refund")
        await today.act("subscriptions", "subscription", 0, "renew")
        # What is bought from now on begins now.
        await sandbox.ask("DELETE", "/_sandbox/book/clocks")
        await bought(today, dan, DESIGN)
        await bought(today, eve, SUBSCRIPTION)
        await bought(today, ada, COURSE)
        account = await Account.read(sandbox)
        before = [await held_by(today.conn, account, member.id) for member in members]
        await today.compare()
    async with world_of(yesterday, sandbox, world.products) as restored:
        for member in members:
            member.pod = restored.pod
        await restored.compare()
        account = await Account.read(sandbox)
        assert [await held_by(restored.conn, account, member.id) for member in members] == before
        assert await ada.access(restored.products[DESIGN]) == "refunded"
        assert await bob.access(restored.products[SUBSCRIPTION]) == "subscribed"
        for member, product in ((cyd, COURSE), (dan, DESIGN), (eve, SUBSCRIPTION), (ada, COURSE)):
            assert await member.access(restored.products[product]) in {"owned", "subscribed"}
            kind = ("design", "course", "subscription")[product]
            assert await member.rejected(restored.products[product], kind) == (409, "already_owned")
