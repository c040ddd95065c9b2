"""Faults on demand: calls that fail, hang or return nonsense, and events that are late, doubled or lost."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, computed_field

Act = Literal[
    "timeout_before",
    "timeout_after",
    "status_before",
    "status_after",
    "status_kept",
    "garbage",
    "half_body",
    "pieces",
    "redirect",
    "bad_url",
    "slow",
]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Fault(_Strict):
    """A fault of the next calls, `before` the call has an effect or `after` it, when only the response is lost.

    `status_kept` is Stripe's own failure: the call has no effect, and its idempotency key gets the same answer again.
    """

    act: Act
    provider: Literal["stripe", "nowpayments", "wix", "*"] = "*"
    path: Annotated[str, Field(description="a part of the path; every call if empty")] = ""
    method: Literal["GET", "POST", "*"] = "*"
    times: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    status: Annotated[int, Field(ge=300, le=599)] = 500
    seconds: Annotated[
        float, Field(ge=0, le=120, description="how long a call hangs, or is slow if the faults are not removed before")
    ] = 30.0
    retry_after: Annotated[int | None, Field(ge=0, le=3600)] = None
    url: Annotated[str, Field(description="the URL with which bad_url replaces the link")] = (
        "https://elsewhere.example/pay"
    )
    _hanging: int = PrivateAttr(0)

    @computed_field  # type: ignore[prop-decorator] # mypy knows no decorated property
    @property
    def hanging(self) -> int:
        """The calls that hang or are slow now; those of `timeout_after` have had their effect."""
        return self._hanging

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Count a call that this fault keeps waiting."""
        self._hanging += 1
        try:
            yield
        finally:
            self._hanging -= 1


class WebhookSwitch(_Strict):
    """How events are delivered: not at all, twice, late, in another order, or in an older API version."""

    enabled: bool = True
    times: Annotated[int, Field(ge=1, le=10)] = 1
    delay: Annotated[float, Field(ge=0, le=600)] = 0.0
    shuffled: bool = False
    account: Annotated[str | None, Field(description="the connected account that Stripe's events come from")] = None
    api_version: Annotated[
        Literal["2026-10-28.endive", "2022-11-15"],
        Field(description="the API version of Stripe's events, as of an endpoint or an account that was not upgraded"),
    ] = "2026-10-28.endive"
    stripe_url: Annotated[
        str | None, Field(description="the URL for Stripe's events, instead of the one given at the start")
    ] = None


class BalanceSwitch(_Strict):
    """When a charge gets its balance transaction: with the payment, or later, with `charge.updated`."""

    late: bool = False
    seconds: Annotated[
        float | None, Field(ge=0, le=3600, description="the delay in seconds; null: when the button is pressed")
    ] = None


class BillingSwitch(_Strict):
    """The account's settings for subscriptions."""

    after_failures: Annotated[
        Literal["cancel", "unpaid", "past_due"],
        Field(description="what becomes of a subscription when the last attempt to charge its invoice has failed"),
    ] = "cancel"


class WixSwitch(_Strict):
    """The settings of our app at Wix, and how Wix misbehaves."""

    pricing_page: Annotated[
        bool, Field(description="whether the app has an external pricing page; without it there is no checkout")
    ] = True
    reads_installations: Annotated[
        bool, Field(description="whether the app has the permission to list its installations; without it: 403")
    ] = True
    installations: Annotated[
        Literal["usual", "endless", "expired", "unfiltered"],
        Field(description="what is wrong with the list: it never ends, its cursors have expired, or it has all apps"),
    ] = "usual"
    per_minute: Annotated[int, Field(ge=1, le=100_000, description="calls a minute and site before 429")] = 200
    numbers: Annotated[
        Literal["numbers", "texts", "both"], Field(description="how Token Info writes numbers; both: in turn")
    ] = "both"
    minute: Annotated[
        float, Field(gt=0, le=60, description="seconds in a minute of the schedule of resends, which lasts 48 hours")
    ] = 1.0
    expired_from: Annotated[
        int | None, Field(ge=1, description="the attempt from which the token of an event has expired; 1: the first")
    ] = None
    backend: Annotated[
        str | None, Field(description="the backend that gets the events, instead of the one given at the start")
    ] = None


class Switches:
    """The state of all switches."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self._removed = asyncio.Event()
        self.webhooks = WebhookSwitch()
        self.balance = BalanceSwitch()
        self.billing = BillingSwitch()
        self.wix = WixSwitch()
        self.latency = 0.0
        self.revoked: set[str] = set()
        # Keys of Stripe that belong to another account than the one whose objects the sandbox keeps.
        self.accounts: dict[str, str] = {}
        # The permissions of restricted keys, such as `rak_charge_read`. All other keys may do everything.
        self.permissions: dict[str, frozenset[str]] = {}
        # The permissions that calls with these keys needed.
        self.needed: defaultdict[str, set[str]] = defaultdict(set)
        # By which keys calls came, and how many.
        self.keys: Counter[str] = Counter()

    def remove_faults(self) -> None:
        """Remove all faults. Calls that are slow go on."""
        self.faults.clear()
        self._removed.set()
        self._removed = asyncio.Event()

    def reset(self) -> None:
        """Reset all switches."""
        self.remove_faults()
        self.revoked.clear()
        self.accounts.clear()
        self.permissions.clear()
        self.needed.clear()
        self.keys.clear()
        self.webhooks = WebhookSwitch()
        self.balance = BalanceSwitch()
        self.billing = BillingSwitch()
        self.wix = WixSwitch()
        self.latency = 0.0

    def _taken(self, provider: str, method: str, path: str) -> Fault | None:
        for fault in self.faults:
            meant = fault.provider in {"*", provider} and fault.method in {"*", method} and fault.path in path
            if meant:
                fault.times -= 1
                if fault.times == 0:
                    self.faults.remove(fault)
                return fault
        return None

    async def _removal(self, longest: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(longest):
                await self._removed.wait()

    async def around(self, provider: str, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer the call, or apply a fault."""
        if self.latency:
            await asyncio.sleep(self.latency)
        fault = self._taken(provider, request.method, request.path)
        if fault is None:
            return await handler(request)
        if fault.act == "slow":
            with fault.keeping():
                await self._removal(fault.seconds)
        instead = await _instead(fault, request)
        if instead is not None:
            return instead
        return await _afterwards(fault, request, await handler(request))


async def _instead(fault: Fault, request: web.Request) -> web.StreamResponse | None:
    """The fault before the call has an effect; None if the call continues."""
    match fault.act:
        case "timeout_before":
            return await _hang(request, fault)
        case "status_before":
            return _failed(fault)
        case "garbage":
            return web.Response(text="<html>not what you asked for", content_type="text/html")
        case "redirect":
            return web.Response(status=302, headers={"Location": fault.url})
        case "bad_url":
            request["bad_url"] = fault.url
        case "status_kept":
            request["kept_status"] = fault.status
    return None


async def _afterwards(fault: Fault, request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """The fault after the call had its effect."""
    match fault.act:
        case "timeout_after":
            return await _hang(request, fault)
        case "half_body":
            return await _half(request, response)
        case "pieces":
            return await _pieces(request, response, fault.seconds)
        case "status_after":
            return _failed(fault)
    return response


def _failed(fault: Fault) -> web.Response:
    headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after is not None else None
    error = {"error": {"type": "api_error", "message": f"The sandbox was told to answer {fault.status}."}}
    return web.json_response({**error, "statusCode": fault.status}, status=fault.status, headers=headers)


async def _hang(request: web.Request, fault: Fault) -> web.StreamResponse:
    """Wait without an answer, then close the connection."""
    with fault.keeping():
        await asyncio.sleep(fault.seconds)
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=504)


async def _pieces(request: web.Request, whole: web.StreamResponse, pause: float) -> web.StreamResponse:
    """The whole body, the second half of it later."""
    assert isinstance(whole, web.Response)
    body = whole.body if isinstance(whole.body, bytes) else b""
    response = web.StreamResponse(status=whole.status, headers={"Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    await asyncio.sleep(pause)
    await response.write(body[len(body) // 2 :])
    return response


async def _half(request: web.Request, whole: web.StreamResponse) -> web.StreamResponse:
    assert isinstance(whole, web.Response)
    body = whole.body if isinstance(whole.body, bytes) else b""
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(body))})
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response
