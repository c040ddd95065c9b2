"""One gift as OpenTelemetry's collector sees it, from the browser's call to the webhook, and nothing of the donor."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
import pytest
from aiohttp import web

from hingecraft import __version__
from support.collector import collecting
from support.folders import open_folder
from support.money import GENERATE, becomes
from support.pods import ADMIN_TOKEN, PUSH_SECRET
from support.processes import ApiProcess, HingecraftProcess
from support.receiver import SECRET, receiving
from support.sandbox import STRIPE_KEY

GIVEN = "browser-7f0e2c4b"
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
FROM_BROWSER = {
    "X-Request-Id": GIVEN, "traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "site=1",
    "baggage": "email=alex@example.com", "User-Agent": "of-alex",
}  # fmt: skip
NAME, EMAIL, ACCESS = "Alex Example", "alex@example.com", "token-of-the-collector"
OTHER, GIFT = "/mission-support/other", {"amount": "37.50", "currency": "USD"}
DONOR = {"amount": "37.50", "userInfo": {"name": NAME, "email": EMAIL}}


@pytest.fixture
def collector():
    with collecting() as taken:
        yield taken


@pytest.fixture
def folder():
    with open_folder() as made:
        yield made


async def found(collector, name, **attributes):
    """The first such span, once it was sent."""
    spans = await asyncio.to_thread(collector.until, lambda: collector.named(name, **attributes))
    return spans[0]


@dataclass
class Gift:
    """A gift that was given, completed and reported to the site."""

    payment: str
    prefill: str
    checkout_url: str
    # The `traceparent` of each call of the site's webhook.
    told: list[str]


@asynccontextmanager
async def traced_processes(dsn, sandbox, folder, collector, thanks):
    """An API pod and an engine that send their spans to the collector."""
    tracing = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint, "OTEL_BSP_SCHEDULE_DELAY": "50",
        "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{ACCESS}",
    }  # fmt: skip
    pod = ApiProcess(folder, "api", dsn.newest, **{**sandbox.environment, **tracing})
    sync = HingecraftProcess(
        folder, "sync", "sync", DATABASE_URL=dsn.newest, API_ADDRESSES=pod.internal, WEBHOOK_SECRET=SECRET,
        WIX_WEBHOOK_ENDPOINTS=f"thanks={thanks}", ALLOW_PRIVATE_WEBHOOKS="true", **tracing,
    )  # fmt: skip
    async with AsyncExitStack() as stack:
        for process in (pod, sync):
            await process.start()
            stack.push_async_callback(process.stop)
        await pod.until("/ready", 200)
        await sandbox.tells(pod.public)
        yield pod


async def opened(pod):
    """The prefill and the payment of a gift that a browser asks for."""
    async with aiohttp.ClientSession(pod.public) as client:
        async with client.post(OTHER, json=DONOR, headers=FROM_BROWSER, params={"email": EMAIL}) as response:
            assert response.status == 200, await response.text()
            prefill = (await response.json())["data"]["prefillId"]
        async with client.post(GENERATE, json={**GIFT, "prefillId": prefill}, headers=FROM_BROWSER) as response:
            assert response.status == 200, await response.text()
            return prefill, (await response.json())["data"]["paymentId"]


@asynccontextmanager
async def traced_gift(dsn, conn, sandbox, folder, collector):
    """Both processes run meanwhile; in the end they send what they have not sent yet."""
    told = []

    async def note(request):
        told.append(request.headers.get("traceparent", ""))
        return web.Response(status=204)

    async with receiving() as receiver:
        receiver.behave = note
        thanks = receiver.url.replace("hingecraftRoutesUpdate", "afterPaymentWebhook")
        async with traced_processes(dsn, sandbox, folder, collector, thanks) as pod:
            prefill, payment = await opened(pod)
            (session,) = await sandbox.sessions(payment)
            await sandbox.act(session["id"], "pay")
            await becomes(conn, payment, "completed")
            await receiver.until(1)
            yield Gift(payment, prefill, session["url"], told)


async def has_the_call(collector, gift):
    call = await found(collector, f"POST {GENERATE}", request_id=GIVEN)
    assert (call.service, call.trace_id, call.parent_id, call.failed) == ("hingecraft-api", TRACE, PARENT, False)
    assert call.attributes == {
        "http.request.method": "POST", "http.route": GENERATE, "http.response.status_code": 200,
        "hingecraft.request_id": GIVEN, "hingecraft.provider": "stripe", "hingecraft.outcome": "opened",
        "hingecraft.payment_id": gift.payment,
    }  # fmt: skip
    at_stripe = [each for each in collector.named("call stripe") if each.parent_id == call.span_id]
    assert [each.trace_id for each in at_stripe] == [TRACE], "it ended, and was sent, before the call"


async def has_the_event(collector, gift):
    applied = await found(collector, "apply event", payment_id=gift.payment, outcome="applied")
    assert (applied.parent_id, applied.attributes["hingecraft.request_id"]) == ("", GIVEN)
    event = applied.attributes["hingecraft.event_id"]
    received = await found(collector, "POST /webhooks/stripe", event_id=event)
    assert applied.links == (received.span_id,)


async def has_the_webhook(collector, gift):
    webhook = await found(collector, "webhook payment.completed", payment_id=gift.payment, outcome="delivered")
    assert (webhook.service, webhook.attributes["hingecraft.request_id"]) == ("hingecraft-sync", GIVEN)
    assert f"00-{webhook.trace_id}-{webhook.span_id}" in {each.rpartition("-")[0] for each in gift.told}


async def has_the_push(collector):
    pushed = await found(collector, "POST /internal/routes")
    (push,) = (each for each in collector.named("push routes") if each.span_id == pushed.parent_id)
    assert (push.service, push.trace_id) == ("hingecraft-sync", pushed.trace_id)


async def test_a_gift_is_traced_through_all_processes_without_its_donor(dsn, conn, sandbox, folder, collector):
    async with traced_gift(dsn, conn, sandbox, folder, collector) as gift:
        await has_the_call(collector, gift)
        await has_the_event(collector, gift)
        await has_the_webhook(collector, gift)
        await has_the_push(collector)
    assert collector.paths == {"/v1/traces"}
    assert {each["authorization"] for each in collector.headers} == {f"Bearer {ACCESS}"}
    assert not {"GET /routes", "GET /ready"} & {span.name for span in collector.spans}
    sent = b"".join(collector.taken)
    assert __version__.encode() in sent
    secrets = (ADMIN_TOKEN, PUSH_SECRET, SECRET, STRIPE_KEY, ACCESS, dsn.newest.partition("://")[2])
    assert collector.named(f"POST {OTHER}")
    for each in (NAME, EMAIL, "37.50", "of-alex", gift.prefill, gift.checkout_url, *secrets):
        assert each.encode() not in sent, each


async def test_a_collector_that_is_away_costs_neither_the_call_nor_the_end(dsn, folder):
    """Port 9 refuses. What cannot be sent is dropped."""
    pod = ApiProcess(folder, "api", dsn.newest, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    await pod.start()
    try:
        await pod.until("/ready", 200)
        assert await pod.status("/config") == 200
    finally:
        await pod.stop()
    assert await pod.wait() == 0


async def test_a_reconciliation_sends_its_spans_before_it_ends(dsn, sandbox, folder, collector):
    run = HingecraftProcess(
        folder, "reconcile", "reconcile", "--once", DATABASE_URL=dsn.newest,
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint, **sandbox.environment,
    )  # fmt: skip
    await run.start()
    assert await run.wait() == 0, run.log.read_text()
    assert {span.service for span in collector.named("call stripe")} == {"hingecraft-reconcile"}
