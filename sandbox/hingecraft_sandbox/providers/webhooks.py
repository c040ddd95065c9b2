"""Sends events to the backend, signed as the real providers sign, and repeats them until they are accepted."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from hingecraft_sandbox.providers.switches import Switches

log = logging.getLogger(__name__)

_PAUSES = (1.0, 2.0, 5.0, 15.0, 60.0, 300.0, 900.0)
_TIMEOUT = 10.0
_SHUFFLE_WITHIN = 0.5


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to deliver an event; `again` is the pause before the next, None if there is none."""

    number: int
    status: int | None
    ms: int
    again: float | None


@dataclass(frozen=True, slots=True)
class Notification:
    """One event to send; the headers are made for each attempt, since they contain the time.

    The body may be made for each attempt too, from its number, which begins with 1.
    """

    provider: str
    event: str
    url: str
    body: bytes | Callable[[int], bytes]
    headers: Callable[[], Mapping[str, str]]
    pauses: Sequence[float] = _PAUSES
    timeout: float = _TIMEOUT
    heard: Callable[[Attempt], None] = field(default=lambda _attempt: None)


class WebhookSender:
    """Delivers in the background. Events that happen while webhooks are off are lost: they are never sent."""

    def __init__(self, switches: Switches) -> None:
        self._switches = switches
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def stripe_target(self, usual: str) -> str:
        """The URL of Stripe's events: the switch's, else `usual`."""
        return self._switches.webhooks.stripe_url or usual

    def stripe_account(self) -> dict[str, str]:
        """The fields that an event of a connected account has in addition, for a Connect endpoint."""
        account = self._switches.webhooks.account
        return {"account": account} if account else {}

    def send(self, notification: Notification) -> None:
        """Begin to deliver."""
        how = self._switches.webhooks
        if not how.enabled:
            return
        for _ in range(how.times):
            jitter = random.uniform(0, _SHUFFLE_WITHIN) if how.shuffled else 0.0  # noqa: S311 - an order, no secret
            task = asyncio.create_task(self._deliver(notification, how.delay + jitter))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _deliver(self, notification: Notification, delay: float) -> None:
        await asyncio.sleep(delay)
        for number, pause in enumerate((*notification.pauses, None), start=1):
            if await self._sent(notification, number, pause):
                return
            if pause is None:
                log.warning("%s never took an event", notification.url)
                return
            await asyncio.sleep(pause)

    async def _sent(self, notification: Notification, number: int, pause: float | None) -> bool:
        """Send it once, and log the answer; `hingecraft dev` shows that."""
        if self._session is None:
            self._session = aiohttp.ClientSession()
        status = None
        started = time.monotonic()
        body = notification.body if isinstance(notification.body, bytes) else notification.body(number)
        within = aiohttp.ClientTimeout(total=notification.timeout)
        try:
            async with self._session.post(
                notification.url, data=body, headers=notification.headers(), timeout=within
            ) as response:
                status = response.status
                taken = response.ok
        except (aiohttp.ClientError, TimeoutError):
            taken = False
        attempt = Attempt(number, status, round((time.monotonic() - started) * 1000), None if taken else pause)
        notification.heard(attempt)
        log.info(
            "sent an event",
            extra={
                "provider": notification.provider,
                "event": notification.event,
                "status": attempt.status,
                "ms": attempt.ms,
                "again": attempt.again,
            },
        )
        return taken

    async def close(self) -> None:
        """Stop delivering."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()


def stripe_headers(secret: str, body: bytes) -> dict[str, str]:
    """`Stripe-Signature` over the time and the raw body."""
    moment = int(time.time())
    signed = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": f"t={moment},v1={signed}"}


def nowpayments_headers(secret: str, payment: Mapping[str, Any]) -> dict[str, str]:
    """`x-nowpayments-sig` over the body with its keys sorted."""
    text = json.dumps(payment, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    signed = hmac.new(secret.encode(), text.encode(), hashlib.sha512).hexdigest()
    return {"Content-Type": "application/json", "x-nowpayments-sig": signed}
