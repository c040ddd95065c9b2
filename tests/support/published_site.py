"""The stand-in of a published site, by itself or with everything that it calls."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any

from hingecraft.outbox.model import PAYMENT_EVENTS, ROUTES_UPDATED, Endpoint
from hingecraft.settings import Secret
from hingecraft_sandbox.dev import wix_site
from hingecraft_sandbox.postgres import free_port
from support.engines import running_engine
from support.folders import open_folder
from support.limits import PROGRESS
from support.pods import ADMIN_TOKEN, VISITOR_SECRET, running_pod
from support.receiver import SECRET
from support.sandbox import Sandbox


@asynccontextmanager
async def published(**environment: str) -> AsyncIterator[str]:
    """A site with our code and these secrets; answers its address."""
    process = await asyncio.create_subprocess_exec(
        *wix_site.command(), env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PROGRESS):
            address = await process.stdout.readline()
        # What it is told it says: somebody has to listen.
        listening = asyncio.create_task(process.stdout.read())
        yield address.decode().strip()
        listening.cancel()
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def world(dsn: Secret, *, with_site: bool = True, **more: Any) -> AsyncIterator[dict[str, str]]:
    """The site, a pod, an engine and the providers' sandbox; returns what scripts in Node need to know.

    Between site and pod a script may stand, at PROXY_PORT. The site has no `.jsw` files, like every
    new site. Without a site nothing listens at its address.
    """
    ports = {name: free_port() for name in ("site", "components", "proxy", "pod")}
    site, pod_address = (f"http://127.0.0.1:{ports[name]}" for name in ("site", "pod"))
    secrets = {"HC_VISITOR_SECRET": VISITOR_SECRET, "HC_WEBHOOK_SECRET": SECRET}
    places = {"SITE_PORT": str(ports["site"]), "COMPONENTS_PORT": str(ports["components"])}
    endpoints = [
        Endpoint(name="site", url=site + wix_site.ROUTES_PATH, events=(ROUTES_UPDATED,)),
        Endpoint(name="payments", url=site + wix_site.PAYMENTS_PATH, events=PAYMENT_EVENTS),
    ]
    with open_folder() as folder:
        sandbox = Sandbox(folder, "--demo-prices")
        await sandbox.start()
        try:
            await sandbox.ready()
            settings = sandbox.settings | {
                "port": ports["pod"], "public_url": pod_address, "site_url": site,
                "stripe_js": f"{sandbox.address}/stripe.js",
                "cors_origins": (site,) if with_site else (), **more,
            }  # fmt: skip
            backend = f"http://127.0.0.1:{ports['proxy']}"
            running_site = published(HC_BACKEND_URL=backend, SITE_LACKS_JSW="1", **secrets, **places)
            async with (
                running_pod(dsn, **settings) as pod,
                running_site if with_site else nullcontext(),
                running_engine(dsn, [pod.internal], endpoints),
            ):
                await sandbox.tells(pod.public)
                yield {
                    "SITE": site, "COMPONENTS": f"http://localhost:{ports['components']}", "BACKEND": pod.public,
                    "PROXY_PORT": str(ports["proxy"]), "SANDBOX": sandbox.address, "DATABASE_URL": dsn.newest,
                    "ADMIN_TOKEN": ADMIN_TOKEN, "CHROMIUM": shutil.which("chromium") or "",
                }  # fmt: skip
        finally:
            await sandbox.stop()
