"""Waiting for a version: an answer is a guarantee that every pod serves it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import AsyncExitStack

import pytest

from hingecraft.db.connection import Database
from hingecraft.routes import served
from hingecraft.routes.served import NOTHING_REPORTED, Reach
from support.engines import running_engine
from support.limits import PROGRESS
from support.pods import running_pod

LINK = "INSERT INTO external_payments (gateway, currency, provider_url) VALUES ('stripe', 'usd', $1)"

NOTHING_ABOVE_THE_BACKUP = (
    "ALTER TABLE payment_routes ADD CONSTRAINT nothing_above_the_backup CHECK (version <= 3) NOT VALID"
)


@pytest.fixture
async def database(dsn):
    database = Database(dsn, application="test-waiting")
    yield database
    await database.close()


@pytest.fixture
async def pods(dsn):
    """That look by themselves once an hour: what they serve, an engine has brought them."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(running_pod(dsn, background=False)) for _ in range(3)]


async def hingecraft_wait(dsn, *arguments, stdout=asyncio.subprocess.PIPE):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hingecraft", "wait", *arguments,
        env={"PATH": "", "DATABASE_URL": dsn.newest}, stdout=stdout, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, complained = await process.communicate()
    return process.returncode, (said or b"").decode(), complained.decode()


async def sentence_on_a_terminal(dsn, *arguments):
    terminal, end = os.openpty()
    try:
        await hingecraft_wait(dsn, *arguments, stdout=end)
        return os.read(terminal, 1000).decode().strip()
    finally:
        os.close(end)
        os.close(terminal)


async def test_each_time_the_wait_ends_every_pod_serves_the_commit(dsn, conn, database, pods):
    async with running_engine(dsn, [pod.internal for pod in pods]) as engine:
        await engine.until(1)
        for version in range(2, 12):
            await conn.execute(LINK, f"https://buy.example/{version}")
            since = await served.ask(database)
            reach = await served.wait(database, version, since=since, within=PROGRESS)
            assert [pod.pod.cache.version >= version for pod in pods] == [True] * 3
            assert reach == Reach(version=version, pods=3)


async def test_a_version_that_is_served_already_is_not_waited_for(dsn, database, pods):
    async with running_engine(dsn, [pod.internal for pod in pods]) as engine:
        await engine.until(1)
        for _ in range(2):
            since = await served.ask(database)
            assert (await served.wait(database, 1, since=since, within=PROGRESS)).has(1)


async def test_a_pod_that_lags_is_named_and_the_wait_ends_in_time(dsn, conn, database, pods):
    gone = "http://127.0.0.1:9"
    async with running_engine(dsn, [*(pod.internal for pod in pods), gone]):
        since = await served.ask(database)
        # The pods that are there may take a while to acknowledge it.
        async with asyncio.timeout(PROGRESS):
            while (reach := await served.wait(database, 1, since=since, within=0.5)).lagging != (gone,):
                assert not reach.has(1)
        assert (reach.pods, reach.has(1)) == (4, False)


async def test_without_an_engine_or_a_pod_nothing_is_promised(dsn, database):
    assert await served.wait(database, 1, since=await served.ask(database), within=0.1) == NOTHING_REPORTED
    async with running_engine(dsn, []):
        reach = await served.wait(database, 1, since=await served.ask(database), within=1)
        assert not reach.has(1)


async def test_what_was_reported_before_the_question_does_not_count(database):
    await served.report(database, Reach(version=9, pods=3))
    since = await served.ask(database)
    assert await served.wait(database, 9, since=since, within=0.2) == NOTHING_REPORTED
    # An engine that was stopped meanwhile reports late, and takes nothing back.
    await served.report(database, Reach(version=8, pods=3))
    assert (await served.wait(database, 9, since=since, within=PROGRESS)).has(9)


async def test_a_restored_backup_does_not_answer_before_its_routes_are_everywhere(dsn, conn, database, pods):
    """The pods serve version 7 of a database that has forgotten it."""
    await conn.execute("UPDATE payment_routes SET version = 7")
    async with running_engine(dsn, [pod.internal for pod in pods]) as engine:
        await engine.until(7)
    await conn.execute("UPDATE payment_routes SET version = 2, checksum = repeat('0', 64)")
    async with running_engine(dsn, [pod.internal for pod in pods]):
        since = await served.ask(database)
        reach = await served.wait(database, 3, since=since, within=PROGRESS)
        assert reach.version > 7
        assert {pod.pod.cache.version for pod in pods} == {reach.version}


async def test_a_restored_backup_whose_routes_take_long_promises_nothing_meanwhile(dsn, conn, database, pods):
    """The pods are known to serve 7, and nothing above it can be published: that 7 is not the database's."""
    await conn.execute("UPDATE payment_routes SET version = 7")
    async with running_engine(dsn, [pod.internal for pod in pods]) as engine:
        await engine.until(7)
    await conn.execute("UPDATE payment_routes SET version = 2, checksum = repeat('0', 64)")
    await conn.execute("DELETE FROM routes_served")
    await conn.execute(NOTHING_ABOVE_THE_BACKUP)
    async with running_engine(dsn, [pod.internal for pod in pods]):
        since, reach = await served.ask(database), NOTHING_REPORTED
        async with asyncio.timeout(PROGRESS):
            while not all(each.version == 7 for each in reach.each) or not reach.each:
                assert not (await served.wait(database, 3, since=since, within=0.1)).has(3)
                reach = found[0] if (found := await served.latest(database)) else reach
        assert (reach.version, len(reach.lagging)) == (2, 3)
        await conn.execute("ALTER TABLE payment_routes DROP CONSTRAINT nothing_above_the_backup")
        assert (await served.wait(database, 3, since=since, within=PROGRESS)).version > 7


async def test_the_command_says_how_it_ended(dsn, conn, pods):
    async with running_engine(dsn, [pod.internal for pod in pods]) as engine:
        await engine.until(1)
        await conn.execute(LINK, "https://buy.example/1")
        code, said, _ = await hingecraft_wait(dsn, "--now")
        assert (code, json.loads(said)) == (0, {"version": 2, "served": True, "pods": 3, "lagging": []})
        assert [pod.pod.cache.version for pod in pods] == [2] * 3
        code, said, _ = await hingecraft_wait(dsn, "--version", "3", "--timeout", "1s")
        assert (code, json.loads(said)["served"]) == (1, False)
        assert await sentence_on_a_terminal(dsn, "--version", "2") == "Every pod (3) serves version 2 or a newer one."
        assert await sentence_on_a_terminal(dsn, "--version", "3", "--timeout", "1s") == (
            "Version 3 was not published within 1 s: every pod (3) serves 2."
        )
    await conn.execute("UPDATE route_policy SET paused = true")
    code, _, complained = await hingecraft_wait(dsn, "--now")
    assert (code, complained) == (
        1, "hingecraft wait: Publishing is paused: set paused to false in the policy first.\n"
    )  # fmt: skip


@pytest.mark.parametrize(("arguments", "sentence"), [
    ([], "one of the arguments --version --now is required"),
    (["--version", "0"], "'0' is not a version such as 12"),
    (["--now", "--timeout", "soon"], "'soon' is not a number of seconds such as 30s"),
])  # fmt: skip
async def test_what_the_command_is_told_wrong_is_said(dsn, arguments, sentence):
    code, _, complained = await hingecraft_wait(dsn, *arguments)
    assert code == 2
    assert sentence in complained
