"""Open files on their way to a client: complete, in parts, and cut where they would be wrong."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import uvloop
from aiohttp import web

from hingecraft.purchases.downloads.folder import Folder
from hingecraft_api.messages.ranges import Part
from hingecraft_api.web import files
from hingecraft_api.web.files import send_file
from hingecraft_api.web.server import Runner
from support.limits import PROGRESS

SIZE = 20 * 1024 * 1024


class Server:
    """Sends one file, or a part of it, to anybody who asks."""

    def __init__(self, root: Path) -> None:
        self.path = root / "design.bin"
        self.path.write_bytes(os.urandom(SIZE))
        self.folder = Folder(str(root))
        self.sending = 0
        self.address = ""

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        file = await self.folder.open("design.bin")
        start, _, end = request.query.get("part", f"0-{file.size}").partition("-")
        part = Part(int(start), int(end))
        response = web.StreamResponse(headers={"Content-Length": str(part.length)})
        self.sending += 1
        try:
            return await send_file(request, response, self.folder, file, part)
        finally:
            self.sending -= 1
            file.close()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[aiohttp.ClientSession]:
        application = web.Application()
        application.router.add_get("/", self._serve)
        runner = Runner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.address = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        try:
            async with aiohttp.ClientSession() as client:
                yield client
        finally:
            await runner.cleanup()
            await self.folder.close()


@pytest.fixture
def server(tmp_path) -> Server:
    return Server(tmp_path)


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request) -> Callable[[Any], Any]:
    """Pods run on uvloop, which has no sendfile."""

    def running(main: Any) -> Any:
        with asyncio.Runner(loop_factory=request.param) as runner:
            return runner.run(main)

    return running


def test_fifty_clients_get_the_whole_file_at_once(server, run):
    async def main() -> None:
        async with server.running() as client:

            async def download() -> str:
                digest = hashlib.sha256()
                async with client.get(server.address) as response:
                    assert response.content_length == SIZE
                    async for chunk in response.content.iter_any():
                        digest.update(chunk)
                return digest.hexdigest()

            found = await asyncio.gather(*(download() for _ in range(50)))
            assert set(found) == {hashlib.sha256(server.path.read_bytes()).hexdigest()}

    run(main())


def test_parts_follow_each_other_on_one_connection(server, run):
    async def main() -> None:
        whole = server.path.read_bytes()
        async with server.running() as client:
            for start, end in ((0, 1), (5, 5), (SIZE - 10, SIZE), (1000, 10_000_000), (0, 0), (7, 8)):
                async with client.get(f"{server.address}?part={start}-{end}") as response:
                    assert await response.read() == whole[start:end]

    run(main())


@pytest.mark.parametrize("how", ["written to", "cut off"])
def test_nobody_takes_a_mixture_of_two_versions_for_a_file(server, run, how):
    async def main() -> None:
        async with server.running() as client:
            async with client.get(server.address) as response:
                await response.content.readexactly(1000)
                if how == "cut off":
                    os.truncate(server.path, 1000)
                else:
                    with server.path.open("r+b") as written:
                        written.write(b"a newer version")
                with pytest.raises(aiohttp.ClientPayloadError):
                    await response.read()

    run(main())


def test_a_client_that_leaves_ends_its_download(server, run):
    async def main() -> None:
        async with server.running() as client:
            async with client.get(server.address) as response:
                await response.content.readexactly(1000)
                assert server.sending == 1
                response.close()
            async with asyncio.timeout(PROGRESS):
                while server.sending:
                    await asyncio.sleep(0.01)

    run(main())


def test_a_client_that_takes_nothing_is_cut_off(server, run, monkeypatch):
    monkeypatch.setattr(files, "_TAKES_WITHIN", 0.2)

    async def main() -> None:
        async with server.running() as client, client.get(server.address) as response:
            async with asyncio.timeout(PROGRESS):
                while server.sending:
                    await asyncio.sleep(0.01)
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.read()

    run(main())


def test_a_pod_that_ends_does_not_wait_for_slow_clients(server, run):
    async def main() -> None:
        async with server.running() as client:
            async with client.get(server.address) as response:
                await response.content.readexactly(1000)
                assert server.sending == 1
                # `running` ends the server while the client still reads nothing.
        assert server.sending == 0

    run(main())
