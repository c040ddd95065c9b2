"""Downloads and streams: the headers of every answer, no place among the latencies, and an end when the pod drains."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from hingecraft_api.app import public_app
from hingecraft_api.web.endpoint import Endpoint
from hingecraft_api.web.server import Runner
from hingecraft_api.web.streams import Stream
from support.pods import running_pod

SITE = "https://site.example"
SIZE = 200


class Parts:
    """The streams of these tests' endpoints. The test decides when a download continues and what breaks."""

    def __init__(self):
        self.go_on, self.closed = asyncio.Event(), asyncio.Event()

    async def endless(self, _call):
        return Stream(parts=self._ticks(), content_type="text/event-stream", endless=True)

    async def download(self, _call):
        return Stream(parts=self._rows(), content_type="text/csv", headers={"Content-Disposition": "attachment"})

    async def broken(self, _call):
        return Stream(parts=self._broken(), content_type="text/csv")

    async def _ticks(self):
        try:
            yield b"data: first\n\n"
            await asyncio.Event().wait()
        finally:
            self.closed.set()

    async def _rows(self):
        yield b"0\n"
        await self.go_on.wait()
        for number in range(1, SIZE):
            yield b"%d\n" % number

    async def ticking(self, _call):
        return Stream(parts=self._often(), content_type="text/event-stream", endless=True)

    async def _often(self):
        try:
            while True:
                yield b"data: tick\n\n"
                await asyncio.sleep(0.001)
        finally:
            self.closed.set()

    async def _broken(self):
        yield b"0\n"
        raise RuntimeError("a bug")


@asynccontextmanager
async def streaming(dsn):
    parts = Parts()
    endpoints = [
        Endpoint(method="GET", path=path, handler=handler, summary="Stream", tag="Operations")
        for path, handler in (
            ("/endless", parts.endless),
            ("/ticking", parts.ticking),
            ("/download", parts.download),
            ("/broken", parts.broken),
        )
    ]
    async with running_pod(dsn, cors_origins=SITE) as pod:
        runner = Runner(public_app(pod.pod, endpoints), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        pod.public = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield pod, parts
        finally:
            pod.pod.draining.set()
            await runner.cleanup()


async def counted(pod):
    async with pod.client.get(pod.internal + "/metrics") as response:
        return await response.text()


async def test_a_stream_carries_the_headers_of_every_answer(dsn):
    async with streaming(dsn) as (pod, _):
        asks = {"Origin": SITE, "X-Request-ID": "mine-1"}
        async with pod.client.get(pod.public + "/endless", headers=asks) as response:
            assert await response.content.readline() == b"data: first\n"
            headers = response.headers
            assert headers["Content-Type"] == "text/event-stream"
            assert headers["X-Request-ID"] == "mine-1"
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Access-Control-Allow-Origin"] == SITE
            assert "X-Request-ID" in headers["Access-Control-Expose-Headers"]
            assert headers["Cache-Control"] == "no-store"
            assert headers.getall("Server") == ["hingecraft"]
            assert "Connection" not in headers


async def test_an_endless_stream_ends_when_the_pod_drains_and_so_does_its_connection(dsn):
    async with streaming(dsn) as (pod, parts):
        async with pod.client.get(pod.public + "/endless") as response:
            await response.content.readline()
            pod.pod.draining.set()
            assert await response.content.read() == b"\n"
            await parts.closed.wait()
        async with pod.client.get(pod.public + "/endless") as response:
            assert response.headers["Connection"] == "close"
            await response.read()


async def test_a_download_under_way_is_finished_when_the_pod_drains(dsn):
    async with streaming(dsn) as (pod, parts):
        async with pod.client.get(pod.public + "/download") as response:
            assert await response.content.readline() == b"0\n"
            assert response.headers["Content-Disposition"] == "attachment"
            pod.pod.draining.set()
            parts.go_on.set()
            assert len((await response.read()).splitlines()) == SIZE - 1


async def test_a_stream_that_breaks_is_cut_off_and_not_ended_like_a_whole_one(dsn, caplog):
    async with streaming(dsn) as (pod, _):
        async with pod.client.get(pod.public + "/broken") as response:
            assert response.status == 200
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.read()
    assert [each.getMessage() for each in caplog.records if each.levelname == "ERROR"] == ["GET /broken failed"]


async def test_a_reader_that_leaves_ends_its_stream_without_an_error(dsn, caplog):
    async with streaming(dsn) as (pod, parts):
        async with pod.client.get(pod.public + "/ticking") as response:
            await response.content.readline()
            response.close()
        await parts.closed.wait()
    assert [each for each in caplog.records if each.levelname == "ERROR"] == []


async def test_the_duration_of_a_stream_is_not_counted_as_latency(dsn):
    async with streaming(dsn) as (pod, parts):
        parts.go_on.set()
        async with pod.client.get(pod.public + "/download") as response:
            await response.read()
        await pod.call("GET", "/nothing")
        seen = await counted(pod)
        assert 'route="unmatched"' in seen
        assert 'route="/download"' not in seen
