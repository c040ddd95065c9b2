"""`hingecraft check`: what it says of a pod that serves, of one that does not, and of something else altogether."""

from __future__ import annotations

import asyncio
import sys
from asyncio import create_subprocess_exec, subprocess

from aiohttp import web

from hingecraft_api import check_command
from hingecraft_api.app import public_app
from hingecraft_api.check_command import checks
from hingecraft_api.web.server import Runner
from hingecraft_sandbox.postgres import free_port
from support.limits import PROGRESS


async def check(address):
    process = await create_subprocess_exec(
        sys.executable, "-m", "hingecraft", "check", address, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    said, complained = await process.communicate()
    assert complained == b""
    return process.returncode, [line.split(maxsplit=1)[0] for line in said.decode().splitlines()], said.decode()


async def test_a_pod_that_serves(pod):
    code, verdicts, said = await check(pod.public)
    assert (code, verdicts) == (0, ["ok"] * 4)
    assert "version 1" in said
    assert "asked again: 304" in said


async def test_a_pod_that_is_going(pod):
    pod.pod.draining.set()
    code, verdicts, said = await check(f"{pod.public}/")
    assert (code, verdicts) == (1, ["ok", "FAILED", "ok", "ok"])
    assert "/ready answered 503" in said


async def test_a_pod_that_is_refused_at_first(pod, monkeypatch):
    """As by a NetworkPolicy, until the network plug-in knows the new address."""
    refused = asyncio.Event()
    asks = check_command._refuses_connections

    async def noting(session):
        found = await asks(session)
        if found:
            refused.set()
        return found

    monkeypatch.setattr(check_command, "_refuses_connections", noting)
    monkeypatch.setattr(check_command, "_REFUSED_AT_MOST", PROGRESS)
    port = free_port()
    looking = asyncio.create_task(checks(f"http://127.0.0.1:{port}"))
    await asyncio.wait_for(refused.wait(), PROGRESS)
    runner = Runner(public_app(pod.pod), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        assert [found.good for found in await looking] == [True] * 4
    finally:
        await runner.cleanup()


async def test_nobody():
    code, verdicts, _ = await check(f"http://127.0.0.1:{free_port()}")
    assert (code, verdicts) == (1, ["FAILED"] * 3)


async def test_somebody_else():
    async def page(_request):
        return web.Response(text="<html>Welcome", content_type="text/html")

    app, port = web.Application(), free_port()
    app.router.add_get("/{anything}", page)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        code, verdicts, _ = await check(f"http://127.0.0.1:{port}")
    finally:
        await runner.cleanup()
    assert (code, verdicts) == (1, ["ok", "ok", "FAILED"])
