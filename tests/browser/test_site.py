"""The site in Chromium: its own pages and code, the real API and Postgres, the providers' sandbox."""

from __future__ import annotations

import asyncio
import os
import shutil
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hingecraft.outbox.model import PAYMENT_EVENTS, ROUTES_UPDATED, Endpoint
from hingecraft_sandbox.dev import wix_site
from hingecraft_sandbox.postgres import free_port
from support import node_js
from support.chromium import chromium
from support.engines import running_engine
from support.folders import open_folder
from support.pods import ADMIN_TOKEN, VISITOR_SECRET, running_pod
from support.receiver import SECRET
from support.sandbox import Sandbox

pytestmark = pytest.mark.timeout(300)
SHOTS = Path(__file__).parents[2] / "test_results" / "browser"


@asynccontextmanager
async def site_of(backend, port, components):
    """The stand-in of the published site."""
    environment = {
        "SITE_PORT": str(port), "COMPONENTS_PORT": str(components), "HC_BACKEND_URL": backend,
        "HC_VISITOR_SECRET": VISITOR_SECRET, "HC_WEBHOOK_SECRET": SECRET,
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        *wix_site.command(), env={**os.environ, **environment}, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(20):
            yield (await process.stdout.readline()).decode().strip()
    finally:
        process.terminate()
        await process.wait()


@pytest.fixture
async def world(dsn):
    """Everything, and what a test in Node is told of it."""
    ports = {name: free_port() for name in ("site", "components", "proxy", "pod")}
    site, pod_address = (f"http://127.0.0.1:{ports[name]}" for name in ("site", "pod"))
    proxy = f"http://127.0.0.1:{ports['proxy']}"
    with open_folder() as folder:
        sandbox = Sandbox(folder)
        await sandbox.start()
        await sandbox.ready()
        settings = sandbox.settings | {
            "port": ports["pod"], "public_url": pod_address, "site_url": site, "cors_origins": (site,),
        }  # fmt: skip
        endpoints = [
            Endpoint(name="site", url=site + wix_site.ROUTES_PATH, events=(ROUTES_UPDATED,)),
            Endpoint(name="payments", url=site + wix_site.PAYMENTS_PATH, events=PAYMENT_EVENTS),
        ]
        async with (
            running_pod(dsn, **settings) as pod,
            site_of(proxy, ports["site"], ports["components"]),
            running_engine(dsn, [pod.internal], endpoints),
        ):
            await sandbox.tells(pod.public)
            yield {
                "SITE": site, "COMPONENTS": f"http://localhost:{ports['components']}", "BACKEND": pod.public,
                "PROXY_PORT": str(ports["proxy"]), "SANDBOX": sandbox.address, "DATABASE_URL": dsn.newest,
                "ADMIN_TOKEN": ADMIN_TOKEN, "CHROMIUM": shutil.which("chromium"), "SHOTS": str(SHOTS),
            }  # fmt: skip
        await sandbox.stop()


@pytest.mark.parametrize("name", ["giving", "bad-days", "routes", "looks"])
async def test_in_a_browser(world, name):
    await node_js.run_tests(f"test/e2e/{name}.test.mjs", **world)


@pytest.mark.parametrize("name", ["charter", "mission-support"])
async def test_without_javascript_a_page_says_what_it_needs(dsn, name):
    with open_folder() as folder:
        async with running_pod(dsn) as pod, chromium(folder, "--blink-settings=scriptEnabled=false") as page:
            await page.call("Page.navigate", url=f"{pod.public}/embed/{name}")
            async with asyncio.timeout(20):
                while "This page needs JavaScript" not in await page.seen():
                    await asyncio.sleep(0.1)
            await page.screenshot(f"{name}-without-javascript")
