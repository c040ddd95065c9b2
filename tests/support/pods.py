"""Pods in this process: the real applications on real ports, over a real database."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import aiohttp
from aiohttp import web
from prometheus_client import CollectorRegistry

from hingecraft.errors import ErrorCode
from hingecraft.payments.purpose import Purposes
from hingecraft.process import run_forever
from hingecraft.settings import Secret
from hingecraft.systems import PURPOSES
from hingecraft_api.app import PUBLIC_ENDPOINTS, build_pod, endpoints_of, internal_app, public_app, works_of
from hingecraft_api.feature import Feature
from hingecraft_api.pod import Pod
from hingecraft_api.reference.codes import CODES, OF_ANY_CALL, codes_of
from hingecraft_api.settings import ApiSettings
from hingecraft_api.systems import FEATURES
from hingecraft_api.web.server import Runner
from support.limits import PROGRESS

ADMIN_TOKEN, PUSH_SECRET, VISITOR_SECRET = "test-admin-token", "test-push-secret", "test-visitor-secret"
SITE_URL = "https://www.example.com"
ADMIN = {"Authorization": f"Bearer {ADMIN_TOKEN}"}


@dataclass
class Running:
    """One pod and how to reach it."""

    component: ClassVar[str] = "api"
    pod: Pod
    public: str
    internal: str
    client: aiohttp.ClientSession

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, dict[str, Any]]:
        async with self.client.request(method, self.public + path, **options) as response:
            return response.status, await response.json()

    async def exposition(self) -> str:
        """All metrics, as Prometheus reads them."""
        async with self.client.get(self.internal + "/metrics") as response:
            return await response.text()

    async def metric(self, name: str) -> float | None:
        """A metric as Prometheus reads it, by its name and labels; None: it is not there."""
        found = re.search(rf"^{re.escape(name)} (\S+)$", await self.exposition(), re.MULTILINE)
        return float(found[1]) if found else None

    async def shows(self, name: str, value: float | None) -> None:
        """Wait until a metric has this value: a pod counts a moment after its commit."""
        seen: float | None = None
        try:
            async with asyncio.timeout(PROGRESS):
                while (seen := await self.metric(name)) != value:
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"{name} is {seen}, not {value}") from None

    async def serves(self, version: int, within: float = PROGRESS) -> float:
        """Wait until `GET /routes` answers that version; answers how long that took."""
        started = time.monotonic()
        while time.monotonic() - started < within:
            async with self.client.get(self.public + "/routes") as response:
                if response.status == 200 and int(response.headers["X-Routes-Version"]) >= version:
                    return time.monotonic() - started
            await asyncio.sleep(0.005)
        raise AssertionError(f"version {version} was not served within {within} s")


def signed_visitor(name: str, secret: str = VISITOR_SECRET) -> dict[str, str]:
    """As the site's backend names a visitor."""
    signed = f"v1;{name};{int(time.time())}"
    digest = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest()
    return {"X-HC-Visitor": f"{signed};{digest}"}


def settings_of(dsn: Secret, **more: Any) -> ApiSettings:
    values = {
        "database_url": dsn, "admin_token": ADMIN_TOKEN, "push_secret": PUSH_SECRET, "visitor_secret": VISITOR_SECRET,
        "rate_limit": 1_000_000, "rate_limit_routes": 1_000_000, "rate_limit_site": 10_000_000,
        "site_url": SITE_URL, "database_pool_min": 1, "database_pool_max": 4,
        "stripe_webhook_secret": "whsec_sandbox", "nowpayments_ipn_secret": "sandbox-ipn-secret", **more,
    }  # fmt: skip
    return ApiSettings(**values)


async def _only_listed_codes(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Whatever a test asks: docs/openapi.json lists the code of a rejection, for this call and with this status."""
    response = await handler(request)
    if response.status >= 400 and response.content_type == "application/json" and request.method != "HEAD":
        code = (await response.json())["code"]
        assert CODES[code].status == response.status, f"{code} came with {response.status}"
        described = _described(request.method, request.url.path)
        assert described is None or code in described, f"{request.method} {request.url.path}: {code} is not described"
    return response


def _described(method: str, path: str) -> set[ErrorCode] | None:
    """The codes that the reference lists for a public call."""
    for endpoint in PUBLIC_ENDPOINTS:
        template = re.sub(r"{\w+}", "[^/]+", endpoint.path)
        if endpoint.method == method and re.fullmatch(template, path):
            return {*codes_of(endpoint), *OF_ANY_CALL}
    return None


@asynccontextmanager
async def running_pod(
    dsn: Secret,
    *,
    wait: bool = True,
    background: bool = True,
    features: Sequence[Feature] = FEATURES,
    purposes: Purposes = PURPOSES,
    **more: Any,
) -> AsyncIterator[Running]:
    registry = CollectorRegistry()
    pod = build_pod(settings_of(dsn, **more), registry, features, purposes)
    apps = public_app(pod, endpoints_of(features)), internal_app(pod, registry, features)
    runners = [Runner(app, access_log=None) for app in apps]
    addresses = []
    for runner, port in zip(runners, (more.get("port", 0), 0), strict=True):
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        addresses.append(f"http://127.0.0.1:{runner.addresses[0][1]}")
    works = [
        asyncio.create_task(run_forever(name, work))
        for name, work in works_of(pod, features).items()
        if background or "routes" in name
    ]
    try:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector, middlewares=(_only_listed_codes,)) as client:
            running = Running(pod, addresses[0], addresses[1], client)
            if wait:
                await running.serves(1)
            yield running
    finally:
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)
        for runner in runners:
            await runner.cleanup()
        await pod.close()
