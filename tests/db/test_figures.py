"""The figures of the overview are what plain sums of the rows say, in any zone, whenever they are added up."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from hingecraft.dashboard.overview import store
from hingecraft.dashboard.overview.cache import FiguresCache
from hingecraft.dashboard.overview.model import Period
from hingecraft.dashboard.overview.service import fold_all
from hingecraft.db.connection import connect
from hingecraft.migrations.files import migrations_folder, read_migrations
from hingecraft.migrations.runner import migrate
from hingecraft.stats.model import Days

# With offsets of whole, half and quarter hours, and days of 23 and 25 hours in the range.
ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe",
    "Pacific/Auckland",
)  # fmt: skip
FIRST, LAST = date(2026, 3, 20), date(2026, 4, 10)
BEGIN = """
INSERT INTO payments (id, amount, currency, price_currency, status, provider, livemode, purpose, created_at)
VALUES ($1, $2, $3, $3, 'pending', 'stripe', $4, 'donation', $5)
"""
MOVE = """
INSERT INTO settlements (payment_id, purpose, provider, livemode, kind, provider_ref, amount, currency, usd_amount,
                         created_at)
VALUES ($1, 'donation', 'stripe', $2, $3, $4, $5, $6, $7, $8)
"""
TRY = (
    """INSERT INTO payment_audit (actor, action, payment_id, details) VALUES ('stripe', 'x', $1, '{"declined": "x"}')"""
)
# What the figures are, without any of the tables that they are kept in.
PLAIN_MONEY = """
SELECT (s.created_at AT TIME ZONE $1)::date AS day, s.livemode, s.currency,
       count(*) FILTER (WHERE s.kind IN ('charge', 'manual', 'opening')) AS movements,
       coalesce(sum(s.amount) FILTER (WHERE s.kind IN ('charge', 'manual', 'opening', 'correction')), 0) AS received,
       -coalesce(sum(s.amount) FILTER (WHERE s.kind LIKE 'refund%'), 0) AS refunded,
       -coalesce(sum(s.amount) FILTER (WHERE s.kind LIKE 'dispute%'), 0) AS disputed,
       coalesce(sum(s.usd_amount), 0) AS usd, count(*) FILTER (WHERE s.usd_amount IS NULL) AS without_value
FROM settlements s JOIN payments p ON p.id = s.payment_id AND coalesce(p.livemode, s.livemode) = s.livemode
WHERE (s.created_at AT TIME ZONE $1)::date BETWEEN $2 AND $3 GROUP BY 1, 2, 3
"""
PLAIN_ATTEMPTS = """
SELECT (p.created_at AT TIME ZONE $1)::date AS day, p.livemode, p.price_currency AS currency,
       count(*) FILTER (WHERE p.status IN ('completed', 'partially_refunded', 'refunded', 'disputed')) AS paid,
       count(*) FILTER (WHERE p.status = 'failed') AS failed,
       count(*) FILTER (WHERE p.status = 'expired' AND tried.it) AS expired,
       count(*) FILTER (WHERE p.status = 'expired' AND NOT tried.it) AS abandoned
FROM payments p
CROSS JOIN LATERAL (SELECT EXISTS (
    SELECT FROM payment_audit a WHERE a.payment_id = p.id AND a.details ? 'declined') AS it) tried
WHERE (p.created_at AT TIME ZONE $1)::date BETWEEN $2 AND $3 GROUP BY 1, 2, 3
"""
MONEY = ("movements", "received", "refunded", "disputed", "usd", "without_value")
ATTEMPTS = ("paid", "failed", "expired", "abandoned")


class Year:
    """Makes payments and lets things happen to them, in a random order that a seed repeats."""

    def __init__(self, conn, seed):
        self.conn = conn
        self.random = random.Random(seed)
        self.payments = []

    async def begins(self):
        moment = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=self.random.randrange(60 * 24 * 45))
        livemode, currency = self.random.random() < 0.8, self.random.choice(("USD", "EUR", "BTC"))
        payment = {
            "id": uuid4(), "amount": Decimal(self.random.randrange(100, 9999)) / 100, "currency": currency,
            "livemode": livemode, "at": moment, "left": Decimal(0),
        }  # fmt: skip
        await self.conn.execute(BEGIN, payment["id"], payment["amount"], currency, livemode, moment)
        self.payments.append(payment)
        return payment

    async def moves(self, payment, kind, amount, usd=None):
        at = payment["at"] + timedelta(minutes=self.random.randrange(60 * 24 * 20))
        # Sometimes money of the other mode, which never counts.
        livemode = payment["livemode"] if self.random.random() < 0.95 else not payment["livemode"]
        ref = f"{kind}_{uuid4()}"
        await self.conn.execute(MOVE, payment["id"], livemode, kind, ref, amount, payment["currency"], usd, at)
        return ref

    async def ends(self, payment, status):
        await self.conn.execute("UPDATE payments SET status = $2 WHERE id = $1", payment["id"], status)

    async def happens(self):
        """One payment's fate."""
        payment, fate = await self.begins(), self.random.random()
        if fate < 0.15:
            if self.random.random() < 0.4:
                await self.conn.execute(TRY, payment["id"])
            await self.ends(payment, "expired")
            if self.random.random() < 0.3:
                await self.conn.execute(TRY, payment["id"])  # its news came late
            if self.random.random() < 0.3:
                await self.pays(payment)
        elif fate < 0.2:
            await self.ends(payment, "failed")
        elif fate < 0.9:
            await self.pays(payment)

    async def pays(self, payment):
        amount, is_dollars = payment["amount"], payment["currency"] == "USD"
        ref = await self.moves(payment, "charge", amount, amount if is_dollars else None)
        await self.ends(payment, "completed")
        if not is_dollars and self.random.random() < 0.6:
            await self.conn.execute("UPDATE settlements SET usd_amount = $2 WHERE provider_ref = $1", ref, amount * 2)
        what = self.random.random()
        if what < 0.2:
            await self.moves(payment, "refund", -amount / 2, -amount / 2 if is_dollars else None)
            await self.ends(payment, "partially_refunded")
            if what < 0.05:
                await self.moves(payment, "refund_reversal", amount / 2, amount / 2 if is_dollars else None)
        elif what < 0.3:
            await self.moves(payment, "dispute", -amount, -amount if is_dollars else None)
            await self.ends(payment, "disputed")


async def assert_right(conn, cache=None):
    """In each zone; `cache` may have earlier figures."""
    for zone in ZONES:
        period = Period(days=Days(first=FIRST, last=LAST), zone=zone)
        _, stamp = await store.begin(conn)
        rows = await (cache or FiguresCache()).of(conn, period, stamp)
        for sql, names in ((PLAIN_MONEY, MONEY), (PLAIN_ATTEMPTS, ATTEMPTS)):
            plain = await conn.fetch(sql, zone, period.before.first, LAST)
            assert plain
            found = {(row.day, row.livemode, row.currency): [getattr(row, name) for name in names] for row in rows}
            assert {key: sums for key, sums in found.items() if any(sums)} == by_span(plain, period), zone


def by_span(plain, period):
    """Sums of days, as the period has them: the days before it are one."""
    sums: dict[tuple[date, bool, str], list[Any]] = {}
    for day, livemode, currency, *measures in plain:
        key = (day if period.is_current(day) else period.before.first, livemode, currency)
        sums[key] = [one + other for one, other in zip(sums.get(key, [0] * len(measures)), measures, strict=True)]
    return {key: found for key, found in sums.items() if any(found)}


@pytest.mark.parametrize("seed", [1, 2])
async def test_figures_are_what_plain_sums_say(conn, seed):
    """Before anything is added up, while some is, and after all of it; also where earlier ones are kept."""
    year, cache = Year(conn, seed), FiguresCache()
    for _ in range(150):
        await year.happens()
    await assert_right(conn, cache)
    assert await store.fold(conn, 70) == 70
    await assert_right(conn, cache)
    for _ in range(50):
        await year.happens()
    await fold_all(conn)
    assert not await conn.fetchval("SELECT count(*) FROM figure_changes")
    await assert_right(conn, cache)


async def test_figures_are_read_again_only_when_something_was_added(conn):
    year, cache = Year(conn, 5), FiguresCache()
    period = Period(days=Days(first=FIRST, last=LAST), zone="Europe/Berlin")

    async def read():
        _, stamp = await store.begin(conn)
        return await cache.of(conn, period, stamp)

    for _ in range(20):
        await year.happens()
    first = await read()
    assert await read() is first
    await fold_all(conn)
    folded = await read()
    assert folded is not first
    assert [row for row in folded if any(row[3:])] == [row for row in first if any(row[3:])]
    assert await read() is folded
    await fold_all(conn)
    assert await read() is folded, "nothing was added"
    await year.pays(await year.begins())
    assert await read() is not folded


async def test_the_applications_role_reads_and_adds_up(conn):
    year = Year(conn, 6)
    for _ in range(5):
        await year.happens()
    await conn.execute("SET ROLE hingecraft_app")
    _, stamp = await store.begin(conn)
    assert await FiguresCache().of(conn, Period(days=Days(first=FIRST, last=LAST), zone="UTC"), stamp)
    assert await store.fold(conn, 1000) == stamp.changes > 0
    assert (await store.begin(conn))[1] != stamp
    await conn.execute("RESET ROLE")


async def test_rows_of_before_and_what_happens_while_they_are_counted_are_counted_once(empty_dsn):
    """The migration is stopped between its pages, payments go on, and pages are repeated."""
    migrations = read_migrations(migrations_folder())
    conn = await connect(empty_dsn, application="test", statement_timeout=None)
    await migrate(conn, migrations[:42], lambda _line: None)
    year = Year(conn, 3)
    for _ in range(120):
        await year.happens()
    steps = migrations[42].steps
    (page,) = [step for step in steps if step.mode == "batched"]
    for step in steps[: steps.index(page)]:
        await conn.execute(step.sql)
    cursor = None
    while True:
        row = await conn.fetchrow(page.sql, cursor, 20)
        await conn.fetchrow(page.sql, cursor, 20)
        assert row is not None
        if not row["rows"]:
            break
        cursor = row["cursor"]
        for _ in range(3):
            await year.happens()
        # Payments of before change as well: those that are counted already, and those that are not.
        for payment in year.random.sample(year.payments[:120], 3):
            if await conn.fetchval("SELECT status FROM payments WHERE id = $1", payment["id"]) == "pending":
                await year.ends(payment, "failed")
    await conn.fetchrow(page.sql, None, 1000)
    await migrate(conn, migrations, lambda _line: None)
    await assert_right(conn)
    await fold_all(conn)
    await assert_right(conn)
    await conn.close()


async def test_processes_that_add_up_at_once_and_writers_agree(dsn, conn):
    """Nobody waits for the one that adds up, and nothing is added twice."""
    folding = [await asyncpg.connect(dsn.newest) for _ in range(2)]
    writing = [await asyncpg.connect(dsn.newest) for _ in range(2)]
    done = asyncio.Event()

    async def fold(one):
        while not done.is_set():
            async with one.transaction():
                await store.fold(one, 7)

    async def write(one, seed):
        year = Year(one, seed)
        for _ in range(40):
            await year.happens()

    adding = [asyncio.create_task(fold(one)) for one in folding]
    await asyncio.gather(*(write(one, seed) for seed, one in enumerate(writing)))
    done.set()
    await asyncio.gather(*adding)
    await assert_right(conn)
    for one in (*folding, *writing):
        await one.close()
