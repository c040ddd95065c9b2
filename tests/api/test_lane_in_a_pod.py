"""The lane in the life of a pod: counting, limits, draining, idle connections, and a pod without it."""

from __future__ import annotations

import asyncio
import gc
import socket
import weakref
from typing import Any

import pytest
import uvloop

from hingecraft_api.lane.body_file import BodyFile
from hingecraft_api.lane.moment import Moment
from hingecraft_api.lane.protocol import LaneProtocol
from hingecraft_api.web import server
from support.limits import PROGRESS
from support.pods import running_pod, signed_visitor
from support.two_paths import PLAIN, TwoPaths, connect, counted, request

VID = "vid:AAAAAAAAAAAAAAAAAAAAAA"


async def test_requests_are_counted_alike(both, answered):
    tag = "If-None-Match: *"
    before = [counted(pod, "seconds") for pod in (both.lane, both.aiohttp)]
    for data in (PLAIN, PLAIN, request(tag), request(method="HEAD"), request(target="/nothing"), request(method="PUT")):
        await both.compare(data)
    assert len(answered) == 4
    after = [counted(pod, "seconds") for pod in (both.lane, both.aiohttp)]
    more = [{key: new[key] - old.get(key, 0) for key in new} for old, new in zip(before, after, strict=True)]
    assert {key for key, number in more[0].items() if number} == {key for key, number in more[1].items() if number}
    assert all(more[0][key] == number for key, number in more[1].items() if number)


@pytest.mark.usefixtures("still_minute")
@pytest.mark.parametrize("fields", [(), ("X-Forwarded-For: 203.0.113.7",), ("X-Forwarded-For: 2001:db8::1",), ("vid",)])
async def test_limits_count_alike(dsn, answered, fields):
    if fields == ("vid",):
        fields = tuple(f"{name}: {value}" for name, value in signed_visitor(VID).items())
    more: dict[str, Any] = {"rate_limit_routes": 7, "rate_limit_site": 5, "trusted_proxies": ["127.0.0.0/8"]}
    async with (
        running_pod(dsn, wait=False, **more) as lane,
        running_pod(dsn, wait=False, routes_lane=False, **more) as aiohttp,
    ):
        both = TwoPaths(lane, aiohttp)
        for pod in (lane, aiohttp):
            while pod.pod.cache.current is None:
                await asyncio.sleep(0.005)
        streams = [await both.compare(request(*fields)) for _ in range(9)]
        statuses = [stream.split(b" ", 2)[1] for stream in streams]
        allowed = 5 if fields and "vid" in fields[0] else 7
        assert statuses == [b"200"] * allowed + [b"429"] * (9 - allowed)
        assert len(answered) == allowed
        assert counted(lane, "limited") == counted(aiohttp, "limited")


@pytest.mark.usefixtures("still_minute")
async def test_a_request_over_its_limit_prepares_no_answer(dsn, answered, monkeypatch):
    prepared = []
    prepare = Moment._prepare

    def noting(moment, wanted):
        prepared.append(wanted.if_none_match)
        return prepare(moment, wanted)

    monkeypatch.setattr(Moment, "_prepare", noting)
    async with running_pod(dsn, wait=False, rate_limit_routes=3) as pod:
        while pod.pod.cache.current is None:
            await asyncio.sleep(0.005)
        reader, writer = await connect(pod)
        statuses = []
        for number in range(9):
            writer.write(request(f'If-None-Match: "{number}"', method="HEAD"))
            statuses.append((await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1])
        writer.close()
    assert statuses == [b"200"] * 3 + [b"429"] * 6
    assert prepared == ['"0"', '"1"', '"2"']


async def test_idle_connections_keep_no_old_moment(both, answered, monkeypatch):
    """Nor its files: each connection was answered in a moment of its own, and only the last one is kept."""
    alive: dict[Any, weakref.WeakSet[Any]] = {Moment: weakref.WeakSet(), BodyFile: weakref.WeakSet()}
    for kind, those in alive.items():

        def noting(self, *arguments, made=kind.__init__, those=those):
            made(self, *arguments)
            those.add(self)

        monkeypatch.setattr(kind, "__init__", noting)
    connections = []
    numbers: set[int] = set()
    for _ in range(8):
        both.lane.pod.cache.changes += 1
        reader, writer = await connect(both.lane)
        connections.append(writer)
        writer.write(PLAIN)
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
        gc.collect()
        numbers.update(moment.number for moment in alive[Moment])
        assert [len(those) for those in alive.values()] == [1, 1]
    assert len(numbers) == len(answered) == 8
    for writer in connections:
        writer.close()


async def test_a_pod_that_drains_closes_its_connections(both, answered):
    reader, writer = await connect(both.lane)
    writer.write(PLAIN)
    await reader.readuntil(b"\r\n\r\n")
    assert answered == ["GET"]
    for pod in (both.lane, both.aiohttp):
        pod.pod.draining.set()
    assert b"\r\nConnection: close\r\n" in await both.compare(PLAIN)
    writer.write(PLAIN)
    async with asyncio.timeout(PROGRESS):
        assert b"\r\nConnection: close\r\n" in await reader.read()
    assert answered == ["GET"]
    writer.close()


async def test_without_a_version_both_say_so(empty_dsn, answered):
    async with (
        running_pod(empty_dsn, wait=False) as lane,
        running_pod(empty_dsn, wait=False, routes_lane=False) as aiohttp,
    ):
        assert b'"not_ready"' in await TwoPaths(lane, aiohttp).compare(PLAIN)
    assert answered == []


async def test_a_connection_that_is_used_stays_open_and_an_idle_one_is_closed(both, monkeypatch):
    """aiohttp's own timer closes it, which the lane sets forward with every answer. The loop's clock is the test's."""
    made = LaneProtocol.__init__

    def long(self, *args, **options):
        made(self, *args, **{**options, "keepalive_timeout": 10 * PROGRESS})

    monkeypatch.setattr(LaneProtocol, "__init__", long)
    loop, skipped = asyncio.get_running_loop(), 0.0
    by_itself = loop.time
    monkeypatch.setattr(loop, "time", lambda: by_itself() + skipped)
    reader, writer = await connect(both.lane)
    for _ in range(3):
        writer.write(request(method="HEAD"))
        await reader.readuntil(b"\r\n\r\n")
        skipped += 6 * PROGRESS
        # What is due by now is done.
        await asyncio.sleep(0.05)
    skipped += 6 * PROGRESS
    async with asyncio.timeout(PROGRESS):
        assert await reader.read() == b""
    writer.close()


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_client_that_does_not_read_keeps_no_connection(dsn, monkeypatch, new_loop):
    """Its transport still has something to send when the connection is closed for being idle."""
    monkeypatch.setattr(server, "_FLUSHED_WITHIN", 0.5)
    made, connected, lost = LaneProtocol.__init__, LaneProtocol.connection_made, LaneProtocol.connection_lost
    protocols: dict[str, LaneProtocol] = {}
    gone = []

    def short(self, *args, **options):
        made(self, *args, **{**options, "keepalive_timeout": 1.0})

    def narrow(self, transport):
        connected(self, transport)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        protocols[self.peername] = self

    def noting(self, exc):
        gone.append(self)
        lost(self, exc)

    monkeypatch.setattr(LaneProtocol, "__init__", short)
    monkeypatch.setattr(LaneProtocol, "connection_made", narrow)
    monkeypatch.setattr(LaneProtocol, "connection_lost", noting)

    async def keep_it_waiting() -> None:
        async with running_pod(dsn) as pod, asyncio.timeout(PROGRESS):
            host, _, port = pod.public.removeprefix("http://").partition(":")
            with socket.socket() as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                client.connect((host, int(port)))
                while client.getsockname() not in protocols:
                    await asyncio.sleep(0.005)
                protocol = protocols[client.getsockname()]
                transport = protocol.transport
                while not transport.get_write_buffer_size():
                    client.send(PLAIN)
                    await asyncio.sleep(0.05)
                while not transport.is_closing():
                    await asyncio.sleep(0.005)
                assert protocol._socket is None
                while protocol not in gone:
                    await asyncio.sleep(0.005)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(keep_it_waiting())


async def test_the_setting_turns_the_lane_off(dsn, answered):
    async with running_pod(dsn, routes_lane=False) as pod:
        await pod.call("GET", "/routes")
    assert answered == []
