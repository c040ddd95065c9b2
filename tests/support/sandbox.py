"""The providers' sandbox as a process of its own, and its switches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp

from hingecraft_sandbox.postgres import free_port
from support.folders import open_folder
from support.limits import PROGRESS
from support.processes import HingecraftProcess

STRIPE_KEY = "sk_test_" + "sandbox"


class Sandbox(HingecraftProcess):
    """`hingecraft sandbox`."""

    def __init__(self, folder: Path, *more: str) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        super().__init__(folder, "sandbox", "sandbox", "--port", str(self.port), *more)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings by which a pod talks to this sandbox."""
        return {
            "stripe_secret": STRIPE_KEY, "stripe_publishable_key": "pk_test_sandbox", "stripe_api_base": self.address,
            "stripe_rate": 5000, "stripe_webhook_secret": "whsec_sandbox",
            "nowpayments_ipn_secret": "sandbox-ipn-secret",
            "nowpayments_api_key": "sandbox-key",
            "nowpayments_api_base": f"{self.address}/nowpayments/v1", "public_url": "http://127.0.0.1:9",
        }  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        return {name.upper(): str(value) for name, value in self.settings.items()}

    async def ask(self, method: str, path: str, **options: Any) -> Any:
        """A call of its own API, or of the providers' it stands for."""
        async with (
            aiohttp.ClientSession() as client,
            client.request(method, self.address + path, **options) as response,
        ):
            text = await response.text()
            assert response.status < 400, text
            return await response.json() if response.content_type == "application/json" else text

    async def ready(self) -> None:
        until = time.monotonic() + PROGRESS
        while time.monotonic() < until:
            try:
                await self.ask("DELETE", "/_sandbox/switches")
            except aiohttp.ClientError:
                await asyncio.sleep(0.02)
            else:
                return
        raise AssertionError("the sandbox did not start: " + self.log.read_text())

    async def fault(self, act: str, **how: Any) -> None:
        await self.ask("POST", "/_sandbox/faults", json={"act": act, **how})

    async def stripe(self, path: str) -> Any:
        return await self.ask("GET", f"/v1/{path}", headers={"Authorization": f"Bearer {STRIPE_KEY}"})

    async def tells(self, backend: str, **how: Any) -> None:
        """Where Stripe's events are sent from now on, and how."""
        await self.ask("PUT", "/_sandbox/webhooks", json={"stripe_url": f"{backend}/webhooks/stripe", **how})

    async def values_late(self) -> None:
        """From now on Stripe says what a charge is worth when somebody presses `value`, and not before."""
        await self.ask("PUT", "/_sandbox/balance", json={"late": True})

    async def change(self, kind: str, name: str, **what: Any) -> None:
        """Change an object without an event."""
        await self.ask("PATCH", f"/_sandbox/{kind}/{name}", json=what)

    async def act(self, session_id: str, act: str) -> None:
        """Press a button of a session's page."""
        await self.ask("POST", f"/pay/stripe/c/{session_id}/{act}", allow_redirects=False)

    async def act_on_intent(self, intent_id: str, act: str) -> None:
        """Press a button of the page of a PaymentIntent, such as pay, fail, authenticate or refund."""
        await self.ask("POST", f"/pay/stripe/i/{intent_id}/{act}", allow_redirects=False)

    async def coins(self, checkout_url: str, *acts: str, coin: str = "btc") -> str:
        """Open an invoice, choose a coin, and do things with the payment; answers the payment's id."""
        invoice = checkout_url.rstrip("/").rpartition("/")[2]
        page = await self.ask("POST", f"/pay/nowpayments/{invoice}/begin", data={"coin": coin})
        payment: str = page.split("/pay/nowpayments/payment/")[1].split("/")[0]
        for act in acts:
            await self.coin_act(payment, act)
        return payment

    async def coin_act(self, payment: str, act: str) -> None:
        await self.ask("POST", f"/pay/nowpayments/payment/{payment}/{act}", allow_redirects=False)

    async def sessions(self, payment_id: str) -> list[dict[str, Any]]:
        """The sessions of one payment."""
        found = await self.stripe("checkout/sessions?limit=100")
        return [session for session in found["data"] if session["client_reference_id"] == payment_id]


@contextmanager
def running_sandbox() -> Iterator[Sandbox]:
    """For a whole session: it belongs to no event loop."""
    with open_folder() as folder, asyncio.Runner() as runner:
        process = Sandbox(folder)
        runner.run(process.start())
        runner.run(process.ready())
        yield process
        runner.run(process.stop())
