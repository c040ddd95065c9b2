"""`hingecraft dev` as a person uses it: it says what runs where, shows a version land, and Ctrl-C ends all of it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from hingecraft_sandbox.dev import command
from support.folders import open_folder

pytestmark = pytest.mark.timeout(120)
PORTS = [*command.POD_PORTS, command.POSTGRES_PORT, command.SITE_PORT, command.COMPONENTS_PORT, command.SANDBOX_PORT]
PAGES = [
    f"http://127.0.0.1:{command.SITE_PORT}/mission-support",
    f"http://127.0.0.1:{command.SITE_PORT}/charter",
    f"http://127.0.0.1:{command.POD_PORTS[0]}/embed/charter",
    f"http://127.0.0.1:{command.POD_PORTS[0]}/embed/mission-support",
]
DSN = f"postgresql://hingecraft@127.0.0.1:{command.POSTGRES_PORT}/hingecraft"


@pytest.fixture
def folder():
    with open_folder() as made:
        yield made


class Dev:
    """One `hingecraft dev`."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.arguments = arguments
        self.said: list[str] = []

    async def __aenter__(self) -> Dev:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "hingecraft", "dev", *self.arguments,
            cwd=self.folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.end()

    async def until_it_says(self, words: str, within: float = 30.0) -> str:
        assert self.process.stdout is not None
        async with asyncio.timeout(within):
            async for line in self.process.stdout:
                self.said.append(line.decode().rstrip())
                if words in self.said[-1]:
                    return self.said[-1]
        raise AssertionError("\n".join(self.said))

    async def end(self) -> int:
        """As Ctrl-C does."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(20):
            rest = await self.process.stdout.read()
            self.said += rest.decode().splitlines()
            return await self.process.wait()


async def execute(statement: str) -> None:
    connection = await asyncpg.connect(DSN)
    await connection.execute(statement)
    await connection.close()


def nothing_runs(folder: Path) -> bool:
    listed = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return str(folder) not in listed and not any(listens(port) for port in PORTS)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def test_from_nothing_to_a_version_that_lands_and_back_to_nothing(folder):
    async with Dev(folder) as dev:
        await dev.until_it_says("Ctrl-C ends everything")
        await dev.until_it_says("on 2 pods")
        await dev.until_it_says("standing links are kept")
        await dev.until_it_says("ms after the commit")
        await asyncio.sleep(1.5)  # the last of the links may be a version of its own
        await execute("INSERT INTO currencies (code, name, symbol) VALUES ('XTS', 'Test money', 'T')")
        landed = await dev.until_it_says("ms after the commit", within=3)
        version = landed.split("routes version ")[1].split()[0]
        told = f"routes.updated version {version}"
        assert any(told in line for line in dev.said) or await dev.until_it_says(told, within=3)
        async with aiohttp.ClientSession() as client:
            for port in command.POD_PORTS:
                async with client.get(f"http://127.0.0.1:{port}/routes") as response:
                    assert "XTS" in (await response.json())["data"]["routes"]
            for page in PAGES:
                async with client.get(page) as response:
                    assert response.status == 200, page
        assert await dev.end() == 0
        assert "the data are kept" in dev.said[-1]
    assert nothing_runs(folder)

    async with Dev(folder) as again:
        await again.until_it_says("on 2 pods")
        async with aiohttp.ClientSession() as client:
            async with client.get(f"http://127.0.0.1:{command.POD_PORTS[0]}/routes") as response:
                assert "XTS" in (await response.json())["data"]["routes"], "a second start keeps the data"
        async with Dev(folder) as second:
            assert "another `make dev` is running" in await second.until_it_says("hingecraft dev:")
            assert await second.process.wait() == 2
            assert len(second.said) == 1, "nothing has ended: nothing had begun"
        with open_folder() as elsewhere:
            async with Dev(elsewhere) as third:
                assert "is in use" in await third.until_it_says("hingecraft dev:")
                assert await third.process.wait() == 2
                assert len(third.said) == 1
    assert nothing_runs(folder)

    async with Dev(folder, "--reset") as afresh:
        await afresh.until_it_says("on 2 pods")
        async with aiohttp.ClientSession() as client:
            async with client.get(f"http://127.0.0.1:{command.POD_PORTS[0]}/routes") as response:
                assert "XTS" not in (await response.json())["data"]["routes"]


async def test_after_a_kill_the_next_start_takes_over(folder):
    async with Dev(folder) as dev:
        await dev.until_it_says("on 2 pods")
        dev.process.kill()
        await dev.process.wait()
    async with asyncio.timeout(20):
        async with Dev(folder) as again:
            await again.until_it_says("on 2 pods")
    assert nothing_runs(folder)


async def test_when_a_pod_dies_dev_says_so_and_ends(folder):
    async with Dev(folder) as dev:
        await dev.until_it_says("on 2 pods")
        listed = subprocess.run(
            ["ps", "-ww", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True
        ).stdout
        pods = [line.split() for line in listed.splitlines() if line.endswith("hingecraft api")]
        mine = [int(pid) for pid, parent, *_ in pods if int(parent) == dev.process.pid]
        assert len(mine) == 2
        os.kill(mine[0], signal.SIGKILL)
        assert "API pod" in await dev.until_it_says("ended with code")
        assert await dev.process.wait() == 2
    assert nothing_runs(folder)


async def test_a_folder_that_cannot_be_written_to_is_named(folder):
    (folder / ".dev").write_text("in the way")
    async with Dev(folder) as dev:
        assert "cannot write to" in await dev.until_it_says("hingecraft dev:")
        assert await dev.process.wait() == 2
