from __future__ import annotations

import asyncio
import socket
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from hingecraft.outbox.model import Endpoint
from hingecraft.sync.changes import Timing
from support.engines import running_engine
from support.limits import PROGRESS
from support.pods import ADMIN, running_pod
from support.receiver import receiving

LINK = "INSERT INTO external_payments (gateway, currency, provider_url) VALUES ('stripe', 'usd', $1) RETURNING id"
# In one message, so that nothing comes between them; `now()` is the same in all of them.
TEN_COMMITS = "".join(
    "BEGIN; INSERT INTO external_payments (gateway, currency, provider_url, created_at) "
    f"VALUES ('stripe', 'usd', 'https://buy.example/{number}', clock_timestamp()); COMMIT;"
    for number in range(10)
)
EXPIRES = "UPDATE external_payments SET expires_at = now() + $2::interval WHERE id = $1"


@pytest.fixture
async def pods(dsn):
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(running_pod(dsn)) for _ in range(3)]


async def test_a_commit_is_served_by_every_pod(dsn, conn, pods):
    async with running_engine(dsn, [pod.internal for pod in pods]) as engine:
        await engine.until(1)
        await conn.execute(LINK, "https://buy.example/1")
        served = await engine.until(2)
        assert [pod.pod.cache.version for pod in pods] == [2, 2, 2]
        assert served.pods == 3
        assert served.since_commit is not None


async def served_by(pod, link):
    """Wait until this link is served."""
    async with asyncio.timeout(PROGRESS):
        while (await pod.call("GET", "/routes"))[1]["data"]["routes"]["USD"]["url"] != link:
            await asyncio.sleep(0.02)


async def test_ten_commits_in_a_row_cause_at_most_two_versions(dsn, conn, pods):
    """The first one is published without a wait for quiet, and all others together."""
    timing = Timing(quiet=2, longest=10)
    async with running_engine(dsn, [pods[0].internal], timing=timing) as engine:
        await engine.until(1)
        await asyncio.sleep(timing.quiet * 1.2)
        await conn.execute(TEN_COMMITS)
        await served_by(pods[0], "https://buy.example/9")
        first = next(served for served in engine.served if served.version == 2)
        assert first.seconds < timing.quiet
        assert await conn.fetchval("SELECT max(version) FROM payment_routes") <= 3


async def test_where_leading_is_off_ten_commits_in_a_row_cause_one_version(dsn, conn, pods):
    async with running_engine(dsn, [pods[0].internal], timing=Timing(leading=False, quiet=0.5, longest=10)) as engine:
        await engine.until(1)
        await conn.execute(TEN_COMMITS)
        await served_by(pods[0], "https://buy.example/9")
        assert await conn.fetchval("SELECT max(version) FROM payment_routes") == 2


async def test_what_was_committed_while_nobody_listened_is_found_at_start(dsn, conn, pods):
    await conn.execute(LINK, "https://buy.example/1")
    async with running_engine(dsn, [pods[0].internal]) as engine:
        await engine.until(2)


async def test_a_link_that_expires_leaves_by_itself(dsn, conn, pods):
    async with running_engine(dsn, [pods[0].internal]) as engine:
        await engine.until(1)
        async with conn.transaction():
            link = await conn.fetchval(LINK, "https://buy.example/1")
            await conn.execute(EXPIRES, link, timedelta(hours=1))
        await served_by(pods[0], "https://buy.example/1")
        await conn.execute(EXPIRES, link, timedelta(seconds=1))
        await served_by(pods[0], None)
        assert await conn.fetchval("SELECT expires_at <= now() FROM external_payments WHERE id = $1", link)


async def test_a_pod_that_is_away_is_tried_until_it_is_back_and_holds_up_nobody(dsn, conn, pods):
    with socket.socket() as placeholder:
        placeholder.bind(("127.0.0.1", 0))
        late = f"http://127.0.0.1:{placeholder.getsockname()[1]}"
        async with running_engine(dsn, [pods[0].internal, late]) as engine:
            await conn.execute(LINK, "https://buy.example/1")
            await pods[0].serves(2)
            assert not engine.served
            port = placeholder.getsockname()[1]
            placeholder.close()
            async with running_pod(dsn) as back:
                relay = await asyncio.start_server(_relay_to(back.internal), "127.0.0.1", port)
                served = await engine.until(2)
                assert served.pods == 2
                relay.close()


def _relay_to(address: str):
    host, _, port = address.removeprefix("http://").partition(":")

    async def relay(reader, writer):
        upstream_reader, upstream = await asyncio.open_connection(host, int(port))

        async def copy(source, target):
            while data := await source.read(65536):
                target.write(data)
            target.close()

        await asyncio.gather(copy(reader, upstream), copy(upstream_reader, writer), return_exceptions=True)

    return relay


async def test_without_any_engine_a_pod_finds_the_version_itself(dsn, conn, pods):
    await conn.execute(LINK, "https://buy.example/1")
    await pods[0].call("POST", "/admin/refresh", headers=ADMIN)
    for pod in pods:
        await pod.serves(2)


async def test_a_refresh_on_one_pod_reaches_the_others_at_once(dsn, conn, pods):
    timing = Timing(quiet=0.05, resync=3600)
    async with running_engine(dsn, [pod.internal for pod in pods], timing=timing) as engine:
        await engine.until(1)
        await pods[0].call("PATCH", "/admin/policy", headers=ADMIN, json={"providers": {"stripe": {"enabled": False}}})
        await engine.until(2)
        await pods[0].call("POST", "/admin/routes/pin", headers=ADMIN, json={"version": 1})
        await engine.until(3)


async def test_pods_come_back_to_a_database_that_was_restored_from_a_backup(dsn, conn, pods):
    """The versions since the backup are gone; pods never go backwards, so the next one goes above theirs."""
    async with running_engine(dsn, [pod.internal for pod in pods]) as engine:
        await conn.execute(LINK, "https://buy.example/lost")
        await engine.until(2)
        await conn.execute(LINK, "https://buy.example/lost-too")
        await engine.until(3)
    await conn.execute("DELETE FROM payment_routes WHERE version > 1; DELETE FROM external_payments")
    async with running_engine(dsn, [pod.internal for pod in pods]) as engine:
        await engine.until(4)
    await conn.execute("DELETE FROM payment_routes WHERE version = 4")
    await conn.execute(
        "INSERT INTO payment_routes (version, routes, checksum) SELECT 4, '{}', encode(sha256('{}'), 'hex')"
    )
    async with running_engine(dsn, [pod.internal for pod in pods]) as engine:
        await conn.execute(LINK, "https://buy.example/new")
        for pod in pods:
            await served_by(pod, "https://buy.example/new")


async def test_a_database_that_forgets_while_the_engine_runs_is_noticed(dsn, conn, pods):
    async with running_engine(dsn, [pod.internal for pod in pods]) as engine:
        for number in range(3):
            await conn.execute(LINK, f"https://buy.example/{number}")
            await engine.until(number + 2)
        await conn.execute("DELETE FROM payment_routes WHERE version > 2")
        await conn.execute(LINK, "https://buy.example/after")
        await engine.until(5)
    _, answer = await pods[0].call("GET", "/routes")
    assert answer["data"]["routes"]["USD"]["url"] == "https://buy.example/after"


async def test_while_paused_pods_keep_serving(dsn, conn, pods):
    async with running_engine(dsn, [pods[0].internal]) as engine:
        await engine.until(1)
        await pods[0].call("PATCH", "/admin/policy", headers=ADMIN, json={"paused": True})
        before = engine.count("paused")
        await conn.execute(LINK, "https://buy.example/1")
        async with asyncio.timeout(PROGRESS):
            while engine.count("paused") == before:
                await asyncio.sleep(0.02)
        assert (await pods[0].call("GET", "/routes"))[1]["data"]["version"] == 1
        await pods[0].call("PATCH", "/admin/policy", headers=ADMIN, json={"paused": False})
        await engine.until(2)


async def test_two_engines_at_once_are_harmless(dsn, conn, pods):
    addresses = [pod.internal for pod in pods]
    async with receiving() as site:
        endpoints = [Endpoint(name="site", url=site.url)]
        async with running_engine(dsn, addresses, endpoints) as one, running_engine(dsn, addresses, endpoints) as two:
            await site.until(1)
            for number in range(3):
                await conn.execute(LINK, f"https://buy.example/{number}")
                await one.until(number + 2)
                await two.until(number + 2)
                # Before the next one, which would replace it.
                await site.until(number + 2)
            await asyncio.sleep(0.3)
    assert await conn.fetchval("SELECT max(version) FROM payment_routes") == 4
    assert [event["data"]["version"] for event in site.events] == [1, 2, 3, 4]
    assert len(set(site.ids)) == 4


async def test_a_commit_during_a_rebuild_is_not_lost(dsn, conn, pods):
    """Commits without a pause, for longer than the coalescing lasts: the last one is served in the end."""
    async with running_engine(dsn, [pods[0].internal], timing=Timing(quiet=0.02, longest=0.1)) as engine:
        await engine.until(1)
        for number in range(200):
            await conn.execute(LINK, f"https://buy.example/{number}")
            await asyncio.sleep(0.001)
        await served_by(pods[0], "https://buy.example/199")
        assert engine.count("published") >= 2


async def test_a_wallet_that_is_not_published_is_logged_once_and_counted(dsn, conn, pods, caplog):
    async with running_engine(dsn, [pods[0].internal]) as engine:
        await engine.until(1)
        await conn.execute("INSERT INTO wallets (coin, wallet_address) VALUES ('usdt', 'TAddress')")
        await conn.execute(LINK, "https://example.com/give")
        await engine.until(2)

        def count(kind):
            return engine.registry.get_sample_value("hingecraft_routes_problems", {"kind": kind})

        async with asyncio.timeout(PROGRESS):
            while (count("wallet"), count("link")) != (1, 1):
                await asyncio.sleep(0.01)
        await conn.execute("UPDATE wallets SET network = 'TRC20'")
        await engine.until(3)
        async with asyncio.timeout(PROGRESS):
            while count("wallet") != 0:
                await asyncio.sleep(0.01)
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len([each for each in said if each.startswith("wallet of USDT: USDT runs on several networks")]) == 1
    assert len([each for each in said if "leads to example.com" in each]) == 1
