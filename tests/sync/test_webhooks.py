from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest
from aiohttp import web

from hingecraft.db import connection, pool
from hingecraft.leases.backoff import Backoff
from hingecraft.outbox import delivery, service, store
from hingecraft.outbox.delivery import Deliverer
from hingecraft.outbox.model import AT_ONCE, PAYMENT_EVENTS, ROUTES_UPDATED, Endpoint
from hingecraft.routes import service as routes
from hingecraft.routes import store as routes_store
from hingecraft.settings import DsnSecret, Secret
from support.engines import running_engine
from support.limits import PROGRESS
from support.lock_waits import waiting
from support.processes import Proxy
from support.receiver import SECRET, accept, receiving

VERSION = "SELECT max(version) FROM payment_routes"
LINK = "INSERT INTO external_payments (gateway, currency, provider_url) VALUES ('stripe', 'usd', $1)"
CLAIMED = "SELECT count(*) FROM outbox WHERE claimed_until > now() AND type LIKE 'payment.%'"
# An engine reports what the pods serve once it has published.
BUSY = """
SELECT NOT EXISTS (SELECT FROM routes_served) OR EXISTS (
    SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'test-engine' AND state <> 'idle')
"""
STATES = "SELECT state, count(*) FROM outbox GROUP BY state"
# Seconds. What waits for an endpoint that hangs so long comes too late.
HANG = 2 * PROGRESS


@pytest.fixture
async def site():
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
def quick(monkeypatch):
    """Attempts follow each other at once."""
    monkeypatch.setattr(delivery, "BACKOFF", Backoff((0.05,)))
    monkeypatch.setattr(delivery, "_LOOK_EVERY", 0.02)


@pytest.fixture
def claimed_for_long(monkeypatch):
    """No claim ends by itself."""
    monkeypatch.setattr(store, "LEASE", timedelta(hours=1))


async def states(conn) -> dict[str, int]:
    return dict(await conn.fetch(STATES))


async def until_delivered(conn, count: int) -> None:
    """Wait until so many deliveries are recorded, which happens a moment after the receiver has them."""
    async with asyncio.timeout(PROGRESS):
        while (await states(conn)).get("delivered") != count:
            await asyncio.sleep(0.01)


async def endpoints_kept(conn) -> None:
    async with asyncio.timeout(PROGRESS):
        while not await conn.fetchval("SELECT count(*) FROM webhook_endpoints"):
            await asyncio.sleep(0.01)


async def test_a_new_endpoint_is_told_the_current_version_and_then_each_new_one(dsn, conn, site):
    async with running_engine(dsn, [], [Endpoint(name="site", url=site.url)]):
        await site.until(1)
        await conn.execute(LINK, "https://buy.example/1")
        await site.until(2)
        await until_delivered(conn, 2)
    first, second = site.events
    assert first["type"] == "routes.updated"
    assert set(first["data"]) == {"version", "checksum", "generatedAt"}
    assert [first["data"]["version"], second["data"]["version"]] == [1, 2]
    assert site.forged == 0
    row = await conn.fetchrow("SELECT delivered_version, failures FROM webhook_endpoints")
    assert tuple(row) == (2, 0)


async def test_an_endpoint_that_is_new_while_a_version_is_published_is_told_that_version(conn, database):
    await routes.publish(database)
    async with database.transaction() as publishing:
        await publishing.execute("UPDATE currencies SET name = 'Renamed' WHERE code = 'EUR'")
        await routes_store.lock_publishing(publishing)
        keeping = asyncio.create_task(routes.keep_endpoints(database, [Endpoint(name="site", url="https://a.example")]))
        while not keeping.done() and not await waiting(conn):
            await asyncio.sleep(0.01)
        version = (await routes_store.rebuild(publishing, 0)).version
    await keeping
    assert version == 2
    assert await conn.fetchval("SELECT data ->> 'version' FROM outbox") == "2"


async def test_only_the_newest_version_is_told_when_the_endpoint_is_back(dsn, conn, site, quick):
    async def away(_request):
        return web.Response(status=503)

    site.behave = away
    async with running_engine(dsn, [], [Endpoint(name="site", url=site.url)]) as engine:
        for number in range(3):
            await conn.execute(LINK, f"https://buy.example/{number}")
            async with asyncio.timeout(PROGRESS):
                while engine.count("published") <= number:
                    await asyncio.sleep(0.01)
        async with asyncio.timeout(PROGRESS):
            while not await conn.fetchval("SELECT failures FROM webhook_endpoints"):
                await asyncio.sleep(0.01)
        failing = len(site.events)

        async def back(_request):
            return web.Response(status=204)

        site.behave = back
        async with asyncio.timeout(PROGRESS):
            while await conn.fetchval("SELECT delivered_version FROM webhook_endpoints") != 4:
                await asyncio.sleep(0.02)
    told = [event["data"]["version"] for event in site.events[failing:]]
    assert told[-1] == 4
    assert (await states(conn)).get("pending", 0) == 0


@pytest.mark.usefixtures("claimed_for_long")
async def test_what_was_under_way_when_an_engine_stopped_is_sent_by_the_next_at_once(dsn, conn, site):
    """A new leader, or changed endpoints, need not wait until its claim ends."""

    async def hang(_request):
        await asyncio.sleep(HANG)

    site.behave = hang
    endpoint = Endpoint(name="site", url=site.url)
    async with running_engine(dsn, [], [endpoint], send_timeout=HANG):
        await site.until(1)
        site.behave = accept
    async with running_engine(dsn, [], [endpoint]):
        await site.until(2)
        await until_delivered(conn, 1)
    assert len(set(site.ids)) == 1


async def test_an_engine_that_stops_while_postgres_swallows_everything_does_not_wait_for_it(
    dsn, conn, site, monkeypatch
):
    """Giving a message back is only a courtesy, since its lease ends by itself. The statement may take very long."""

    async def hang(_request):
        await asyncio.sleep(HANG)

    site.behave = hang
    monkeypatch.setattr(connection, "STATEMENT_TIMEOUT", HANG)
    host, _, port = dsn.newest.rpartition("@")[2].partition("/")[0].partition(":")
    assert host
    async with Proxy(int(port)).running() as proxy:
        through = DsnSecret(dsn.newest.replace(f":{port}/", f":{proxy.port}/"))
        async with running_engine(through, [], [Endpoint(name="site", url=site.url)], send_timeout=HANG) as engine:
            await site.until(1)
            while await conn.fetchval(BUSY):
                await asyncio.sleep(0.01)
            # How long any statement that is broken off keeps its connection is not what is looked at here.
            monkeypatch.setattr(pool, "ACQUIRE_TIMEOUT", 0.1)
            proxy.swallow()
            engine.task.cancel()
            await asyncio.wait([engine.task], timeout=PROGRESS)
            assert engine.task.done()


async def test_more_than_can_be_sent_at_once_is_sent_as_places_become_free(dsn, conn, site, monkeypatch):
    """No more are claimed than are sent, and nobody waits for the next look, which is an hour away."""
    most = now = 0

    async def slow(_request):
        nonlocal most, now
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.1)
        now -= 1
        return web.Response(status=204)

    site.behave = slow
    endpoint = Endpoint(name="thanks", url=site.url, events=PAYMENT_EVENTS)
    async with running_engine(dsn, [], [endpoint]):
        await endpoints_kept(conn)
    await store.enqueue_many(conn, [("payment.completed", {"paymentId": str(number)}) for number in range(80)])
    monkeypatch.setattr(delivery, "_LOOK_EVERY", 3600)
    async with running_engine(dsn, [], [endpoint]):
        await until_delivered(conn, 80)
    assert most <= AT_ONCE


@pytest.mark.usefixtures("claimed_for_long")
@pytest.mark.parametrize("elsewhere", [True, False])
async def test_routes_updated_does_not_wait_behind_payment_events_for_an_endpoint_that_hangs(
    dsn, conn, site, monkeypatch, elsewhere
):
    """Neither at another endpoint nor at the same one: each holds its own places for as long as it hangs."""
    told = asyncio.Event()

    async def hang(request):
        if ROUTES_UPDATED.encode() in await request.read():
            told.set()
        else:
            await asyncio.sleep(HANG)
        return web.Response(status=204)

    site.behave = hang
    one = Endpoint(name="site", url=site.url, events=(*PAYMENT_EVENTS, ROUTES_UPDATED))
    two = [Endpoint(name="site", url=site.url), Endpoint(name="pay", url=f"{site.url}/pay", events=PAYMENT_EVENTS)]
    endpoints = two if elsewhere else [one]
    async with running_engine(dsn, [], endpoints, send_timeout=HANG):
        await asyncio.wait_for(told.wait(), PROGRESS)
        await store.enqueue_many(conn, [("payment.completed", {"paymentId": str(n)}) for n in range(150)])
        async with asyncio.timeout(PROGRESS):
            while (
                await conn.fetchval("SELECT count(*) FROM outbox WHERE claimed_until > now() AND data ? 'paymentId'")
                < 8
            ):
                await asyncio.sleep(0.01)
        told.clear()
        await conn.execute(LINK, "https://buy.example/1")
        await asyncio.wait_for(told.wait(), PROGRESS)
        assert await conn.fetchval(CLAIMED) == AT_ONCE


async def test_an_endpoint_that_hangs_delays_no_payment_event_of_another(dsn, conn, site):
    async def hang(request):
        await asyncio.sleep(HANG if request.path.endswith("/slow") else 0)
        return web.Response(status=204)

    site.behave = hang
    endpoints = [Endpoint(name=name, url=f"{site.url}/{name}", events=PAYMENT_EVENTS) for name in ("slow", "thanks")]
    async with running_engine(dsn, [], endpoints, send_timeout=HANG):
        await endpoints_kept(conn)
        await store.enqueue_many(conn, [("payment.completed", {"paymentId": str(n)}) for n in range(40)])
        await until_delivered(conn, 40)


async def test_a_retried_event_is_the_same_message_to_the_byte(dsn, conn, site, quick):
    bodies = []

    async def refuse(request):
        bodies.append(await request.read())
        return web.Response(status=503)

    site.behave = refuse
    async with running_engine(dsn, [], [Endpoint(name="thanks", url=site.url, events=PAYMENT_EVENTS)]):
        await endpoints_kept(conn)
        await store.enqueue_many(conn, [("payment.failed", {"paymentId": "1"})])
        await site.until(3)
    assert len(set(bodies)) == len(set(site.ids)) == 1
    made = await conn.fetchval("SELECT created_at FROM outbox")
    assert abs(datetime.fromisoformat(site.events[0]["timestamp"]) - made) < timedelta(milliseconds=1)


async def test_of_two_events_of_a_payment_the_later_has_the_larger_sequence(dsn, conn, site):
    """The time is not enough: a transaction that began first may be the one that waited, and came second."""
    await conn.execute(
        "INSERT INTO webhook_endpoints (name, url, events) VALUES ('thanks', $1, $2), ('too', $1, $2)",
        site.url, list(PAYMENT_EVENTS),
    )  # fmt: skip
    await store.enqueue_many(conn, [("payment.failed", {"paymentId": "1"}), ("payment.completed", {"paymentId": "2"})])
    await store.enqueue_many(conn, [("payment.completed", {"paymentId": "1"})])
    rows = await conn.fetch(
        "SELECT endpoint, data ->> 'paymentId', (data ->> 'sequence')::int FROM outbox ORDER BY 3, 1"
    )
    assert [tuple(row)[:2] for row in rows] == [
        ("thanks", "1"), ("too", "1"), ("thanks", "2"), ("too", "2"), ("thanks", "1"), ("too", "1"),
    ]  # fmt: skip
    assert len({row[2] for row in rows}) == 3


async def test_payment_events_are_each_delivered_on_their_own(dsn, conn, database, site):
    endpoint = Endpoint(name="thanks", url=site.url, events=PAYMENT_EVENTS)
    async with running_engine(dsn, [], [endpoint]):
        await endpoints_kept(conn)
        for number in range(5):
            await store.enqueue(conn, "payment.completed", {"paymentId": str(number)})
        await site.until(5)
    assert {event["data"]["paymentId"] for event in site.events} == {"0", "1", "2", "3", "4"}


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 404, 500, 503])
async def test_any_other_answer_is_tried_again_with_the_same_id(dsn, conn, site, quick, status):
    async def refuse(_request):
        return web.Response(status=status, headers={"Location": site.url + "/elsewhere"})

    site.behave = refuse
    async with running_engine(dsn, [], [Endpoint(name="site", url=site.url)]):
        await site.until(3)
    assert len(set(site.ids)) == 1
    answer = await conn.fetchval("SELECT answer FROM outbox WHERE answer IS NOT NULL")
    assert str(status) in answer
    assert ("redirect" in answer) == (300 <= status < 400)


async def test_410_switches_the_endpoint_off(dsn, conn, site, quick):
    async def gone(_request):
        return web.Response(status=410)

    site.behave = gone
    async with running_engine(dsn, [], [Endpoint(name="site", url=site.url)]):
        async with asyncio.timeout(PROGRESS):
            while not await conn.fetchval("SELECT disabled_because FROM webhook_endpoints"):
                await asyncio.sleep(0.02)
        version = await conn.fetchval(VERSION)
        await conn.execute(LINK, "https://buy.example/1")
        # Its messages are written with a version.
        async with asyncio.timeout(PROGRESS):
            while await conn.fetchval(VERSION) == version:
                await asyncio.sleep(0.02)
    assert len(site.events) == 1
    assert await states(conn) == {"dead": 1}
    async with running_engine(dsn, [], [Endpoint(name="site", url=site.url + "/moved")]):
        await site.until(2)


async def test_an_endpoint_that_hangs_is_given_up_and_tried_again(dsn, conn, site, quick):
    async def hang(_request):
        await asyncio.sleep(HANG)
        return web.Response(status=204)

    site.behave = hang
    async with running_engine(dsn, [], [Endpoint(name="site", url=site.url)], send_timeout=0.5):
        await site.until(2)
    assert "Timeout" in await conn.fetchval("SELECT answer FROM outbox WHERE answer IS NOT NULL")


async def test_what_nobody_took_within_a_day_is_kept_as_dead(dsn, conn, site, quick):
    async def refuse(_request):
        return web.Response(status=500)

    site.behave = refuse
    await conn.execute("INSERT INTO webhook_endpoints (name, url) VALUES ('site', $1)", site.url)
    await conn.execute(
        "INSERT INTO outbox (endpoint, type, data, created_at) "
        "VALUES ('site', 'payment.failed', '{}', now() - '24h'::interval)"
    )
    async with running_engine(dsn, [], [Endpoint(name="site", url=site.url)]):
        async with asyncio.timeout(PROGRESS):
            while not (await states(conn)).get("dead"):
                await asyncio.sleep(0.02)
    row = await conn.fetchrow("SELECT answer, finished_at FROM outbox WHERE state = 'dead'")
    assert row["answer"] == "HTTP 500"
    assert row["finished_at"] is not None


@pytest.mark.parametrize(
    "url",
    ["https://127.0.0.1/x", "https://localhost/x", "https://10.0.0.1/x", "https://[::1]/x", "http://93.184.216.34/x",
     "https://169.254.169.254/latest/meta-data"],
)  # fmt: skip
async def test_private_addresses_and_plain_http_are_refused(conn, database, url):
    async with database.transaction() as held:
        await service.keep_endpoints(held, [Endpoint(name="site", url=url)], {"version": 1})
    deliverer = Deliverer(database, {"site": Secret(SECRET)}, send_timeout=2)
    task = asyncio.create_task(deliverer.run())
    async with asyncio.timeout(PROGRESS):
        while not (answer := await conn.fetchval("SELECT answer FROM outbox")):
            await asyncio.sleep(0.02)
    task.cancel()
    assert "not public" in answer or "not https" in answer


async def test_a_message_claimed_by_a_process_that_died_is_delivered_by_another(dsn, conn, database, site):
    async with database.transaction() as held:
        await service.keep_endpoints(held, [Endpoint(name="site", url=site.url)], {"version": 1})
    async with database.transaction() as held:
        assert len(await store.claim(held, [ROUTES_UPDATED], {}, ["site"])) == 1
    async with database.transaction() as held:
        assert await store.claim(held, [ROUTES_UPDATED], {}, ["site"]) == [], "it is claimed"
    await conn.execute("UPDATE outbox SET claimed_until = now() - '1s'::interval")
    async with running_engine(dsn, [], [Endpoint(name="site", url=site.url)]):
        await site.until(1)
        await until_delivered(conn, 1)


async def test_who_has_lost_the_claim_writes_nothing_down(conn, database):
    async with database.transaction() as held:
        await service.keep_endpoints(held, [Endpoint(name="site", url="https://example.com")], {"version": 1})
    async with database.transaction() as held:
        [message] = await store.claim(held, [ROUTES_UPDATED], {}, ["site"])
    await conn.execute("UPDATE outbox SET claimed_until = now() + '1min'::interval")
    await store.delivered(conn, message, "HTTP 200")
    assert await states(conn) == {"pending": 1}


async def test_an_endpoint_that_is_no_longer_listed_is_forgotten(conn, database):
    async with database.transaction() as held:
        await service.keep_endpoints(held, [Endpoint(name="old", url="https://old.example")], {"version": 1})
    async with database.transaction() as held:
        await service.keep_endpoints(held, [Endpoint(name="new", url="https://new.example")], {"version": 1})
    assert await conn.fetchval("SELECT array_agg(name) FROM webhook_endpoints") == ["new"]
    assert await states(conn) == {"dead": 1, "pending": 1}
