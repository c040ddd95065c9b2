"""Visitors who come through the ingress, and who notice every request that fails."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import ssl
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from support.helm_release import HOST, PROVIDER_KEYS
from support.kubernetes_node.authority import public
from support.kubernetes_node.places import INGRESS, SANDBOX
from support.limits import PROGRESS
from support.pods import VISITOR_SECRET

MICRO, GENERATE = "/mission-support/micro-payment", "/charter/generate-payment"
_NUMBERS = itertools.count(int(time.time()) % 100_000 * 1000)


def visitor() -> dict[str, str]:
    """A new visitor, from a network of their own among those reserved for documentation (3fff::/20)."""
    number = next(_NUMBERS)
    name = f"v1;ip:3fff:{number >> 16 & 0xFFF:x}:{number & 0xFFFF:x}::1;{int(time.time())}"
    digest = hmac.new(VISITOR_SECRET.encode(), name.encode(), hashlib.sha256).hexdigest()
    return {"X-HC-Visitor": f"{name};{digest}"}


@dataclass
class Site:
    """The site's side: calls that go through the ingress."""

    session: aiohttp.ClientSession

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, dict[str, Any]]:
        headers = {"Host": HOST, **visitor(), **options.pop("headers", {})}
        async with self.session.request(method, INGRESS + path, headers=headers, **options) as response:
            return response.status, await response.json()

    async def give(self, path: str = MICRO, **body: Any) -> dict[str, Any]:
        status, answer = await self.call("POST", path, json=body)
        assert status == 200, answer
        data: dict[str, Any] = answer["data"]
        return data

    async def status_of(self, payment: str) -> str:
        _, answer = await self.call("GET", f"/payments/{payment}")
        return str(answer["data"]["status"])

    async def becomes(self, payment: str, status: str, within: float = PROGRESS) -> None:
        async with asyncio.timeout(within):
            while await self.status_of(payment) != status:
                await asyncio.sleep(0.2)


@dataclass
class Bank:
    """The sandbox's side: anyone who has the link pays."""

    session: aiohttp.ClientSession

    async def ask(self, method: str, path: str, **options: Any) -> Any:
        async with self.session.request(method, SANDBOX + path, **options) as response:
            text = await response.text()
            assert response.status < 400, text
            return await response.json() if response.content_type == "application/json" else text

    async def pay_by_card(self, payment: str) -> None:
        headers = {"Authorization": f"Bearer {PROVIDER_KEYS['STRIPE_SECRET']}"}
        found = await self.ask("GET", "/v1/checkout/sessions?limit=100", headers=headers)
        (session,) = (each["id"] for each in found["data"] if each["client_reference_id"] == payment)
        await self.ask("POST", f"/pay/stripe/c/{session}/pay", allow_redirects=False)

    async def pay_in_coins(self, url: str) -> None:
        invoice = url.rstrip("/").rpartition("/")[2]
        page = await self.ask("POST", f"/pay/nowpayments/{invoice}/begin", data={"coin": "btc"})
        payment = page.split("/pay/nowpayments/payment/")[1].split("/")[0]
        await self.ask("POST", f"/pay/nowpayments/payment/{payment}/pay", allow_redirects=False)


@asynccontextmanager
async def visiting() -> AsyncIterator[tuple[Site, Bank]]:
    context = ssl.create_default_context(cafile=public())
    connector = aiohttp.TCPConnector(ssl=context, limit=200)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=20)) as session:
        yield Site(session), Bank(session)


@dataclass
class Traffic:
    """The answers and failures of many visitors."""

    answers: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def note(self, what: str, status: int, answer: Any) -> None:
        self.answers[what] += 1
        if status >= 400:
            self.failures.append(f"{what}: {status} {answer}")


@asynccontextmanager
async def traffic(site: Site, *, readers: int = 8, givers: int = 2, pause: float = 0.02) -> AsyncIterator[Traffic]:
    """Readers of the routes and givers, each at once again after an answer, for as long as the block lasts."""
    seen = Traffic()

    async def go_on(what: str, method: str, path: str, body: dict[str, Any] | None) -> None:
        while True:
            try:
                keys = {"Idempotency-Key": uuid.uuid4().hex} if body else {}
                status, answer = await site.call(method, path, json=body, headers=keys)
                seen.note(what, status, answer if status >= 400 else None)
            except (aiohttp.ClientError, TimeoutError) as error:
                seen.failures.append(f"{what}: {type(error).__name__} {error}")
            await asyncio.sleep(pause)

    wanted = [("routes", "GET", "/routes", None)] * readers + [("gift", "POST", MICRO, {"amount": 2})] * givers
    tasks = [asyncio.create_task(go_on(*each)) for each in wanted]
    try:
        yield seen
        await asyncio.sleep(0.5)
    finally:
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)
