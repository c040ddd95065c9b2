"""The dashboard with everything that it needs: a pod, the sandbox with its stand-in for Wix, and one owner's site."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from hingecraft.outbox.model import ROUTES_UPDATED, Endpoint
from hingecraft.settings import Secret
from hingecraft_sandbox.postgres import free_port
from support.engines import running_engine
from support.folders import open_folder
from support.pods import running_pod
from support.receiver import receiving
from support.sandbox import STRIPE_KEY, Sandbox
from support.tls_front import make_certificates
from support.wix_stand_in import WixStandIn

# The site that may see the backend's payments.
OWNER = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
PRICES = "starter=9/90,pro=29/290,agency=79/790"


@asynccontextmanager
async def dashboard_world(dsn: Secret, **more: Any) -> AsyncIterator[dict[str, str]]:
    """The environment of scripts in Node, which serve Wix's own addresses over TLS at TLS_PORT."""
    with open_folder() as folder:
        make_certificates(folder)
        sandbox = Sandbox(folder)
        await sandbox.start()
        try:
            await sandbox.ready()
            wix, port = WixStandIn(sandbox), free_port()
            address = f"http://127.0.0.1:{port}"
            await wix.switch(backend=address)
            await sandbox.ask("POST", "/_sandbox/wix/sites", json={"name": "Lakeside", "instanceId": OWNER})
            settings = await wix.settings(
                port=port, public_url=address, wix_plan_prices=PRICES, wix_owner_instances=(OWNER,),
                wix_app_market_url=wix.api_base, **more,
            )  # fmt: skip
            async with (
                receiving() as site,
                running_pod(dsn, **{**sandbox.settings, **settings}) as pod,
                running_engine(
                    dsn,
                    [pod.internal],
                    [Endpoint(name="site", url=site.url, events=(ROUTES_UPDATED,))],
                ),
            ):
                await sandbox.tells(pod.public)
                yield {
                    "BACKEND": pod.public, "SANDBOX": sandbox.address, "SITE": OWNER, "DATABASE_URL": dsn.newest,
                    "STRIPE_KEY": STRIPE_KEY, "CERTIFICATES": str(folder), "TLS_PORT": str(free_port()),
                    "CHROMIUM": shutil.which("chromium") or "",
                }  # fmt: skip
        finally:
            await sandbox.stop()
