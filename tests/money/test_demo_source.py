"""A source of events that no package of core knows: registered here, and worked on like the others."""

from __future__ import annotations

import asyncio
import json

import pytest

from hingecraft import audit
from hingecraft.errors import AskFirstError, ForeignError, NotYetError, UnansweredError
from hingecraft.inbox import reopening, store
from hingecraft.inbox.handlers import Applied, Handler, Handlers, Reading, Registration, not_taken
from hingecraft.inbox.model import InboundEvent
from hingecraft.inbox.reopening import reopen_taken
from hingecraft.inbox.service import Inbox
from hingecraft.inbox.worker import Worker
from support.limits import PROGRESS

DEMO = "demo"
STATE = "SELECT processed_at IS NOT NULL AS done, ignored_because AS ignored, error, attempts FROM provider_events"
DUE_NOW = "UPDATE provider_events SET next_attempt_at = now() WHERE processed_at IS NULL"


class Greetings(Handler):
    """Writes a row for each greeting; some of them need a question, and some cannot be processed yet."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.silent = False

    async def apply(self, conn, event, reading):
        text = reading.content["text"]
        if text == "early":
            raise NotYetError("it is too early for that")
        if text == "foreign":
            raise ForeignError("that is for another shop")
        if text == "unclear":
            raise AskFirstError("it does not say what it means")
        await audit.append(conn, actor=DEMO, action="greeted", request_id=event.event_id, text=text)
        return Applied()

    async def ask(self, event, _reading):
        self.asked.append(event.event_id)
        if self.silent:
            raise UnansweredError("nobody answered")
        return Reading(content={"text": "hello"})


def greeting(text, number=1, kind="greeting"):
    return InboundEvent(source=DEMO, event_id=f"{kind}_{number}", type=kind, body=json.dumps({"text": text}).encode())


async def worked_on(database, handler, *events):
    worker = Worker(database, Handlers([Registration(source=DEMO, handler=handler, types=frozenset({"greeting"}))]))
    inbox = Inbox(database, worker)
    await asyncio.gather(*(inbox.put(event) for event in events))
    await worker.drain()
    return worker


async def test_events_of_a_new_source_are_applied_with_their_rows_and_once(database, conn):
    handler = Greetings()
    events = [greeting("hello", number) for number in range(20)]
    await worked_on(database, handler, *events, *events)
    assert await conn.fetchval("SELECT count(*) FROM payment_audit WHERE action = 'greeted'") == 20
    assert await conn.fetchval("SELECT count(*) FROM provider_events WHERE processed_at IS NOT NULL") == 20


async def test_what_a_handler_says_of_an_event_is_what_becomes_of_it(database, conn):
    await worked_on(database, Greetings(), greeting("foreign"))
    assert (await conn.fetchrow(STATE))["ignored"] == "that is for another shop"
    await conn.execute("DELETE FROM provider_events")
    await worked_on(database, Greetings(), greeting("early", 2))
    row = await conn.fetchrow(STATE)
    assert (row["done"], row["error"], row["attempts"]) == (False, "it is too early for that", 1)


async def test_a_type_that_nobody_takes_is_ignored_and_says_so(database, conn):
    await worked_on(database, Greetings(), greeting("hello", kind="farewell"))
    assert (await conn.fetchrow(STATE))["ignored"] == "nothing here takes farewell"


def worker_for(database, *types):
    return Worker(database, Handlers([Registration(source=DEMO, handler=Greetings(), types=frozenset(types))]))


async def test_what_had_no_handler_is_applied_once_when_a_release_that_has_one_opens_it_again(database, conn):
    await worked_on(database, Greetings(), greeting("hello", kind="farewell"), greeting("hi", kind="applause"))
    newer = worker_for(database, "greeting", "farewell")
    assert await newer.drain() == 0, "an ignored event is not looked at by itself"
    for opened in (1, 0):
        assert await reopen_taken(database, newer.handlers) == opened
        assert await newer.drain() == opened
    rows = await conn.fetch("SELECT type, ignored_because, attempts FROM provider_events ORDER BY type")
    assert [tuple(row) for row in rows] == [
        ("applause", "nothing here takes applause", 1), ("farewell", None, 1),
    ]  # fmt: skip
    assert await conn.fetchval("SELECT count(*) FROM payment_audit WHERE action = 'greeted'") == 1


async def test_an_event_that_a_pod_of_the_release_before_ignores_again_is_opened_again(database, conn):
    await worked_on(database, Greetings(), greeting("hello", kind="farewell"))
    newer, older = worker_for(database, "farewell"), worker_for(database, "greeting")
    for _ in range(2):
        assert await reopen_taken(database, newer.handlers) == 1
        await older.drain()
    assert await reopen_taken(database, newer.handlers) == 1
    await newer.drain()
    assert await conn.fetchval("SELECT count(*) FROM payment_audit WHERE action = 'greeted'") == 1


async def test_two_pods_open_an_ignored_event_once(database, conn):
    await worked_on(database, Greetings(), *(greeting("hello", number, "farewell") for number in range(20)))
    newer = worker_for(database, "farewell")
    opened = await asyncio.gather(*(reopen_taken(database, newer.handlers) for _ in range(4)))
    assert sum(opened) == 20
    await newer.drain()
    assert await conn.fetchval("SELECT count(*) FROM payment_audit WHERE action = 'greeted'") == 20


async def test_many_ignored_events_are_opened_some_at_a_time(database, conn, monkeypatch):
    await worked_on(database, Greetings(), *(greeting("hello", number, "farewell") for number in range(20)))
    newer = worker_for(database, "farewell")
    monkeypatch.setattr(reopening, "_AT_ONCE", 8)
    assert [await reopen_taken(database, newer.handlers) for _ in range(4)] == [8, 8, 4, 0]


async def test_what_a_handler_ignored_stays_ignored(database, conn):
    """Also where the reason is a long one that begins alike."""
    await worked_on(database, Greetings(), greeting("foreign"))
    await conn.execute("UPDATE provider_events SET ignored_because = $1", not_taken("greeting") + " or more" * 1000)
    assert await reopen_taken(database, worker_for(database, "greeting").handlers) == 0
    long = "a" * 3000
    await conn.execute("UPDATE provider_events SET ignored_because = $1", long + "b")
    assert await store.reopen(conn, DEMO, [long + "c"]) == 0
    assert await store.reopen(conn, DEMO, [long + "b"]) == 1


async def test_a_pod_opens_ignored_events_by_itself(database, conn, monkeypatch):
    await worked_on(database, Greetings(), greeting("hello", kind="farewell"))
    monkeypatch.setattr(reopening, "_FIRST", 0.0)
    keeping = asyncio.create_task(reopening.keep_reopening(database, worker_for(database, "farewell").handlers))
    try:
        async with asyncio.timeout(PROGRESS):
            while (await conn.fetchrow(STATE))["done"]:
                await asyncio.sleep(0.01)
    finally:
        keeping.cancel()


async def test_a_new_source_is_asked_where_an_event_is_not_enough(database, conn):
    handler = Greetings()
    handler.silent = True
    worker = await worked_on(database, handler, greeting("unclear"))
    row = await conn.fetchrow(STATE)
    assert (row["done"], row["error"]) == (False, "nobody answered")
    handler.silent = False
    await conn.execute(DUE_NOW)
    await worker.drain()
    assert handler.asked == ["greeting_1", "greeting_1"]
    assert (await conn.fetchrow(STATE))["done"]
    assert await conn.fetchval("SELECT details ->> 'text' FROM payment_audit WHERE action = 'greeted'") == "hello"


async def test_an_error_takes_back_what_the_handler_wrote(database, conn):
    class Broken(Greetings):
        async def apply(self, conn, event, reading):
            await super().apply(conn, event, reading)
            raise RuntimeError("a bug")

    await worked_on(database, Broken(), greeting("hello"))
    assert (await conn.fetchrow(STATE))["error"] == "RuntimeError: a bug"
    assert await conn.fetchval("SELECT count(*) FROM payment_audit WHERE action = 'greeted'") == 0


def test_two_systems_cannot_take_the_same_events():
    taken = Registration(source=DEMO, handler=Greetings(), types=frozenset({"greeting"}))
    with pytest.raises(ValueError, match="greeting of demo is registered twice"):
        Handlers([taken, taken])
