"""The event stream of the owner's dashboard: news, resumption, its ends, its bounds, and readers that do not read."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from hingecraft.dashboard.changes import MOST_NAMED, ChangesFeed, Position, position_of
from hingecraft_api.handlers.wix import stream as wix_stream
from hingecraft_api.web import streams
from support import wix
from support.limits import PROGRESS
from support.pods import running_pod

SITE, OTHER = uuid4(), uuid4()
PATH = "/api/v1/wix/stream"
NOTE = "INSERT INTO payment_audit (actor, action, payment_id, details) VALUES ('x', 'x', $1, '{}')"


@pytest.fixture
async def pod(dsn):
    async with running_pod(dsn, **wix.settings(), wix_owner_instances=[str(SITE), str(OTHER)]) as pod:
        yield pod


class Reading:
    """An open stream, event by event."""

    def __init__(self, response):
        self.response = response
        self.last_id = None

    async def event(self):
        """The next event; heartbeats are passed over. None: the stream has ended."""
        fields = {}
        async with asyncio.timeout(PROGRESS):
            async for line in self.response.content:
                name, _, value = line.decode().strip().partition(": ")
                if name:
                    fields[name] = value
                elif "event" in fields:
                    self.last_id = fields.get("id", self.last_id)
                    return fields["event"], json.loads(fields["data"])
                else:
                    fields = {}
        return None


@asynccontextmanager
async def reading(pod, site=SITE, last=None, **token):
    headers = {**wix.owner(site, **token), **({"Last-Event-ID": last} if last else {})}
    async with pod.client.get(pod.public + PATH, headers=headers) as response:
        assert response.status == 200, await response.text()
        assert response.content_type == "text/event-stream"
        yield Reading(response)


async def changes(conn, *payments):
    for payment in payments:
        await conn.execute(NOTE, payment)


async def test_a_reader_is_told_what_changes_and_resumes_where_it_left(pod, conn):
    one, two, three = uuid4(), uuid4(), uuid4()
    async with reading(pod) as stream:
        assert await stream.event() == ("ready", {})
        await changes(conn, one)
        kind, data = await stream.event()
        assert (kind, data["payments"], data["more"]) == ("changed", [str(one)], False)
        last = stream.last_id
    # While nobody listens.
    await changes(conn, two, three, two)
    async with reading(pod, last=last) as stream:
        assert await stream.event() == ("ready", {})
        _, data = await stream.event()
        assert set(data["payments"]) == {str(two), str(three)}


async def test_a_row_that_becomes_visible_late_is_told_too(pod, conn, dsn):
    """Its id is smaller than those of rows that were told already."""
    late, early = uuid4(), uuid4()
    async with reading(pod) as stream:
        await stream.event()
        async with conn.transaction():
            await conn.execute(NOTE, late)
            async with pod.pod.database.transaction() as other:
                await other.execute(NOTE, early)
            assert (await stream.event())[1]["payments"] == [str(early)]
        assert (await stream.event())[1]["payments"] == [str(late)]


async def test_a_new_version_of_the_routes_is_told(pod, conn):
    async with reading(pod) as stream:
        await stream.event()
        await conn.execute("UPDATE currencies SET enabled = false WHERE code = 'EUR'")
        await pod.call("POST", "/admin/refresh", headers={"Authorization": "Bearer test-admin-token"})
        assert (await stream.event())[1]["routesVersion"] >= 2


async def test_a_database_that_has_gone_back_says_that_anything_may_have_changed(pod):
    async with reading(pod, last="999999999.5") as stream:
        await stream.event()
        assert (await stream.event())[1]["more"] is True
    for text in ("", "1", "x.y", "1.2.3", "-1.2", "9" * 30 + ".1", "9" * 5000 + ".1", "\u0661.\u0662"):
        assert position_of(text) is None, text
    assert position_of("12.3") == Position(audit=12, version=3)


async def test_a_stream_ends_with_its_token_and_when_the_site_is_removed(pod, conn, monkeypatch):
    """The minute that the token has left passes in a moment: a token of seconds may be over before it is read."""
    soon, left_of = wix.iso(datetime.now(UTC) + timedelta(minutes=1)), wix_stream._seconds_left

    def passing(call):
        left = left_of(call)
        return left / 60 if left <= 60 else left

    monkeypatch.setattr(wix_stream, "_seconds_left", passing)
    async with reading(pod, expirationDate=soon) as stream, reading(pod, OTHER) as other:
        assert await stream.event() == ("ready", {})
        assert await stream.event() is None
        assert await other.event() == ("ready", {})
        await conn.execute("UPDATE wix_sites SET removed_at = now() + interval '1 hour' WHERE instance_id = $1", OTHER)
        assert await other.event() == ("end", {"reason": "removed"})
        assert await other.event() is None
    await until(lambda: pod.pod.parts[ChangesFeed].open == 0)


async def test_quiet_streams_have_heartbeats(pod, monkeypatch):
    monkeypatch.setattr(wix_stream, "_HEARTBEAT", 0.05)
    async with reading(pod) as stream:
        await stream.event()
        async with asyncio.timeout(PROGRESS):
            assert (await stream.response.content.readline()).startswith(b":")


async def test_the_streams_of_a_site_and_of_a_pod_are_bounded(dsn, monkeypatch):
    """One that its reader has left is free at once, not only when the next heartbeat cannot be sent."""
    monkeypatch.setattr(wix_stream, "_HEARTBEAT", 3600)
    async with running_pod(dsn, **wix.settings(), wix_owner_instances=[str(SITE), str(OTHER)]) as pod:
        feed = pod.pod.parts[ChangesFeed]
        feed._most, feed._most_of_site = 3, 2  # smaller, so that the test is quick
        async with reading(pod), reading(pod):
            assert await wix.code_of(pod, wix.owner(SITE), path=PATH) == "429 too_many_streams"
            async with reading(pod, OTHER):
                assert await wix.code_of(pod, wix.owner(OTHER), path=PATH) == "429 too_many_streams"
        await until(lambda: feed.open == 0)
        async with reading(pod):
            pass


async def test_a_reader_that_leaves_before_the_answer_begins_holds_no_place(pod, monkeypatch):
    feed, begin = pod.pod.parts[ChangesFeed], ChangesFeed._begin
    begun, left = asyncio.Event(), asyncio.Event()

    async def slow(self, reader, last):
        begun.set()
        await left.wait()
        await begin(self, reader, last)

    monkeypatch.setattr(ChangesFeed, "_begin", slow)
    with socket.socket() as impatient:
        # Closed with a reset.
        impatient.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await connected(impatient, pod.public)
        async with asyncio.timeout(PROGRESS):
            await begun.wait()
    left.set()
    await until(lambda: feed.open == 0)


async def test_a_pod_that_drains_ends_its_streams(pod):
    async with reading(pod) as stream:
        await stream.event()
        pod.pod.draining.set()
        assert await stream.event() is None


async def test_a_reader_that_does_not_read_holds_a_bounded_amount_of_news(dsn, conn, pod):
    """News that it has missed is put together: at most so many names, and that there are more."""
    feed = ChangesFeed(pod.pod.database)
    async with feed.reader(SITE, None) as reader:
        for _ in range(30):
            reader.tell(
                Position(audit=reader.position.audit + 100, version=7), [uuid4() for _ in range(100)], more=False
            )
        news = await reader.next(PROGRESS)
        assert (len(news.payments), news.more, news.version) == (MOST_NAMED, True, 7)
        assert await reader.next(0.01) is None
    assert feed.open == 0


async def test_a_reader_that_never_reads_its_socket_is_cut_off(pod, conn, monkeypatch, caplog):
    """News go into the kernel's buffers until they are full, then into those of the pod, which are bounded."""
    monkeypatch.setattr(streams, "_STALLED_FOR", 0.3)
    held, cut_off = [], streams._cut_off

    def measured(request):
        held.append(request.transport.get_write_buffer_size())
        cut_off(request)

    monkeypatch.setattr(streams, "_cut_off", measured)
    feed = pod.pod.parts[ChangesFeed]
    with socket.socket() as silent:
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await connected(silent, pod.public)
        await until(lambda: feed.open == 1)
        (reader,) = feed._readers
        told, payments = 0, [uuid4() for _ in range(MOST_NAMED)]
        async with asyncio.timeout(PROGRESS):
            while feed.open:
                told += 1
                reader.tell(Position(audit=told, version=7), payments, more=False)
                assert len(reader._payments) <= MOST_NAMED
                await asyncio.sleep(0)
        answer = b""
        while part := await asyncio.get_running_loop().sock_recv(silent, 1 << 20):
            answer += part
    assert answer.startswith(b"HTTP/1.1 200")
    assert not answer.endswith(b"0\r\n\r\n"), "it was not ended like a whole one"
    assert held
    assert max(held) < 256 * 1024
    assert [each for each in caplog.records if each.levelname == "ERROR"] == []
    async with reading(pod) as stream:
        await stream.event()


async def connected(silent, address):
    """Ask for the stream, without reading any of the answer."""
    silent.setblocking(False)
    url = urlsplit(address)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(silent, (url.hostname, url.port))
    token = wix.owner(SITE)["Authorization"]
    await loop.sock_sendall(silent, f"GET {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n\r\n".encode())


async def test_a_burst_is_told_as_more_than_can_be_named(pod, conn):
    async with reading(pod) as stream:
        await stream.event()
        await conn.execute(
            "INSERT INTO payment_audit (actor, action, payment_id, details) "
            "SELECT 'x', 'x', gen_random_uuid(), '{}' FROM generate_series(1, 3000)"
        )
        _, data = await stream.event()
        assert data["more"] is True
        assert len(data["payments"]) <= MOST_NAMED
        one = uuid4()
        await changes(conn, one)
        while str(one) not in data["payments"]:
            _, data = await stream.event()


async def until(holds):
    async with asyncio.timeout(PROGRESS):
        while not holds():
            await asyncio.sleep(0.02)
