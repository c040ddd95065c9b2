"""The sandbox itself: it rejects what Stripe and NOWPayments reject, and sends the same events."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import itertools
import json
import time
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import stripe
from aiohttp import web

from hingecraft_sandbox.app import SandboxConfig, sandbox_app
from hingecraft_sandbox.postgres import free_port
from support.limits import PROGRESS
from support.sandbox import STRIPE_KEY

AUTH = {"Authorization": f"Bearer {STRIPE_KEY}"}
ITEM = {
    "line_items[0][quantity]": "1", "line_items[0][price_data][currency]": "usd",
    "line_items[0][price_data][unit_amount]": "500", "line_items[0][price_data][product_data][name]": "Donation",
}  # fmt: skip
SESSION = {"mode": "payment", "success_url": "https://www.example.com/?a={CHECKOUT_SESSION_ID}", **ITEM}
INVOICE = {"price_amount": 25, "price_currency": "usd", "pay_currency": "btc", "order_id": "1"}


class Told:
    """Receives the sandbox's webhooks, after rejecting the first `refuse` of them."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.refuse = 0
        self.forged = 0

    async def stripe(self, request: web.Request) -> web.Response:
        if self.refuse:
            self.refuse -= 1
            return web.Response(status=500)
        body = await request.read()
        stripe.Webhook.construct_event(body, request.headers["Stripe-Signature"], "whsec_sandbox")
        self.events.append(json.loads(body))
        return web.Response()

    async def ipn(self, request: web.Request) -> web.Response:
        body = await request.json()
        text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        signed = hmac.new(b"sandbox-ipn-secret", text.encode(), hashlib.sha512).hexdigest()
        self.forged += signed != request.headers["x-nowpayments-sig"]
        self.events.append(body)
        return web.Response()


@asynccontextmanager
async def serving(app: web.Application, port: int = 0):
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def told():
    return Told()


@pytest.fixture
async def box(told, tmp_path):
    """A sandbox in this process, with a backend that listens."""
    backend = web.Application()
    backend.router.add_post("/webhooks/stripe", told.stripe)
    backend.router.add_post("/ipn", told.ipn)
    port = free_port()
    async with serving(backend) as listening:
        config = SandboxConfig(
            address=f"http://127.0.0.1:{port}", stripe_webhook_url=f"{listening}/webhooks/stripe",
            journal=tmp_path / "journal",
        )  # fmt: skip
        async with serving(sandbox_app(config), port) as address, aiohttp.ClientSession(address) as client:
            client.listening = listening
            yield client


async def post(box, path, data, **headers):
    async with box.post(f"/v1/{path}", data=data, headers={**AUTH, **headers}) as response:
        return response.status, await response.json()


async def until(told, *types):
    async with asyncio.timeout(PROGRESS):
        while not set(types) <= {event.get("type") or event["payment_status"] for event in told.events}:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"colour": "red"}, "parameter_unknown", "colour"), ({"metadata[a]": "x" * 501}, None, "metadata"),
        ({"line_items[0][price_data][unit_amount]": "49"}, "amount_too_small", None),
        ({"line_items[0][price_data][unit_amount]": "5.5"}, "parameter_invalid_integer", None),
        ({"mode": "gift"}, None, "mode"), ({"expires_at": "12"}, None, "expires_at"), ({"success_url": ""}, None, None),
        ({"line_items[0][price]": "price_none"}, "resource_missing", None),
        ({"customer": "cus_1", "customer_email": "a@example.com"}, None, None),
        ({"line_items[0][price_data][currency]": "kwd", "line_items[0][price_data][unit_amount]": "5001"}, None, None),
    ],
)  # fmt: skip
async def test_stripe_refuses(box, change, code, param):
    status, answer = await post(box, "checkout/sessions", {**SESSION, **change})
    assert status in {400, 404}
    if code:
        assert answer["error"]["code"] == code
    if param:
        assert answer["error"]["param"] == param


def basic(user: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:".encode()).decode()


LIVE_KEY = "sk_live_" + "x" * 12


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (None, "You did not provide an API key."), ("", "You did not provide an API key."),
        ("Bearer ", "You did not provide an API key."), ("Basic x", "You did not provide an API key."),
        (basic(""), "You did not provide an API key."), ("Digest x", "You did not provide an API key."),
        (f"Bearer {LIVE_KEY}", "Invalid API Key provided: sk_live_********xxxx."),
        (basic(LIVE_KEY), "Invalid API Key provided: sk_live_********xxxx."),
        ("Bearer short", "Invalid API Key provided: *****."),
    ],
)  # fmt: skip
async def test_stripe_answers_401_without_a_test_key(box, header, message):
    async with box.get("/v1/events", headers={} if header is None else {"Authorization": header}) as response:
        assert (response.status, response.headers["WWW-Authenticate"]) == (401, 'Basic realm="Stripe"')
        error = (await response.json())["error"]
        assert error["type"] == "invalid_request_error"
        assert error["message"].startswith(message)


async def test_stripe_takes_the_key_as_a_bearer_token_or_as_the_user_of_basic_authentication(box):
    for header in (f"Bearer {STRIPE_KEY}", f"bearer {STRIPE_KEY}", basic(STRIPE_KEY)):
        async with box.get("/v1/events", headers={"Authorization": header}) as response:
            assert response.status == 200
    await box.put("/_sandbox/revoked", json=[STRIPE_KEY])
    async with box.get("/v1/events", headers={"Authorization": basic(STRIPE_KEY)}) as response:
        assert (response.status, (await response.json())["error"]["code"]) == (401, "api_key_expired")


async def test_keys_behave_as_stripes_do(box):
    status, first = await post(box, "checkout/sessions", SESSION, **{"Idempotency-Key": "one"})
    assert status == 200
    assert await post(box, "checkout/sessions", SESSION, **{"Idempotency-Key": "one"}) == (200, first)
    changed = {**SESSION, "submit_type": "pay"}
    status, answer = await post(box, "checkout/sessions", changed, **{"Idempotency-Key": "one"})
    assert (status, answer["error"]["type"]) == (400, "idempotency_error")
    assert (await post(box, "checkout/sessions", {**SESSION, "mode": "x"}, **{"Idempotency-Key": "two"}))[0] == 400
    assert (await post(box, "checkout/sessions", SESSION, **{"Idempotency-Key": "two"}))[0] == 200


async def test_a_session_is_paid_once_and_all_of_it_is_told(box, told):
    _, session = await post(box, "checkout/sessions", {**SESSION, "metadata[payment_id]": "p1"})
    page = f"/pay/stripe/c/{session['id']}"
    async with box.post(f"{page}/fail", allow_redirects=False) as response:
        assert response.status == 303
    async with box.post(f"{page}/pay", allow_redirects=False) as response:
        assert response.headers["Location"] == f"https://www.example.com/?a={session['id']}"
    async with box.post(f"{page}/pay") as response:
        assert response.status == 409
        assert "it can be used only once" in await response.text()
    async with box.post(f"{page}/refund_half") as response:
        assert "Let the refund of 2.50 USD fail" in await response.text()
    async with box.post(f"{page}/dispute") as response:
        assert "The dispute is won" in await response.text()
    await until(
        told, "payment_intent.payment_failed", "payment_intent.succeeded", "charge.succeeded",
        "checkout.session.completed", "refund.created", "charge.refunded", "charge.dispute.created",
    )  # fmt: skip
    completed = next(event for event in told.events if event["type"] == "checkout.session.completed")
    assert completed["data"]["object"]["metadata"] == {"payment_id": "p1"}
    assert (completed["data"]["object"]["payment_status"], completed["livemode"]) == ("paid", False)
    async with box.get("/v1/events?type=refund.created", headers=AUTH) as response:
        assert len((await response.json())["data"]) == 1


async def test_what_is_not_taken_is_told_again(box, told):
    told.refuse = 1
    _, session = await post(box, "checkout/sessions", SESSION)
    await post(box, f"checkout/sessions/{session['id']}/expire", {})
    await until(told, "checkout.session.expired")


async def test_events_can_be_lost_or_doubled(box, told):
    await box.put("/_sandbox/webhooks", json={"enabled": False})
    _, session = await post(box, "checkout/sessions", SESSION)
    await box.post(f"/pay/stripe/c/{session['id']}/fail")
    await box.put("/_sandbox/webhooks", json={"times": 2})
    await box.post(f"/pay/stripe/c/{session['id']}/expire")
    async with asyncio.timeout(PROGRESS):
        while len(told.events) < 2:
            await asyncio.sleep(0.02)
    # What is sent later comes later: a third of these would be there before this one.
    await box.put("/_sandbox/webhooks", json={"times": 1})
    _, paid = await post(box, "checkout/sessions", SESSION)
    await box.post(f"/pay/stripe/c/{paid['id']}/pay", allow_redirects=False)
    await until(told, "checkout.session.completed")
    expired = [event for event in told.events if event["data"]["object"]["id"] == session["id"]]
    assert [event["type"] for event in expired] == ["checkout.session.expired"] * 2


async def test_a_renewal_is_charged_also_where_each_look_at_the_clock_is_a_second_later(box, monkeypatch):
    _, price = await post(
        box, "prices",
        {"unit_amount": 900, "currency": "usd", "recurring[interval]": "month", "product_data[name]": "Plan"},
    )  # fmt: skip
    bought = {"mode": "subscription", "line_items[0][price]": price["id"], "line_items[0][quantity]": 1}
    _, session = await post(box, "checkout/sessions", {**bought, "success_url": "https://www.example.com/"})
    await box.post(f"/pay/stripe/c/{session['id']}/pay", allow_redirects=False)
    seconds = itertools.count(int(time.time()))
    monkeypatch.setattr("hingecraft_sandbox.providers.stripe.clock.now", lambda: next(seconds))
    async with box.get("/v1/subscriptions", headers=AUTH) as response:
        (subscription,) = (await response.json())["data"]
    await box.post(f"/pay/stripe/subscription/{subscription['id']}/renew", allow_redirects=False)
    async with box.get("/v1/invoices", headers=AUTH) as response:
        invoices = (await response.json())["data"]
    assert [invoice["status"] for invoice in invoices] == ["paid", "paid"]


async def test_nowpayments_refuses(box):
    for change in ({"price_amount": "25"}, {"colour": 1}, {"pay_currency": "xx"}, {"price_amount": 1}):
        body = {**INVOICE, **change}
        async with box.post("/nowpayments/v1/invoice", json=body, headers={"x-api-key": "k"}) as response:
            assert response.status == 400
    async with box.post("/nowpayments/v1/invoice", json=INVOICE) as response:
        assert response.status == 403


async def test_coins_arrive_step_by_step_and_each_is_told(box, told):
    invoice = {**INVOICE, "ipn_callback_url": f"{box.listening}/ipn"}
    async with box.post("/nowpayments/v1/invoice", json=invoice, headers={"x-api-key": "k"}) as response:
        made = await response.json()
    assert made["price_amount"] == "25"
    begin = f"/pay/nowpayments/{made['id']}/begin"
    async with box.post(begin, data={"coin": "btc"}, allow_redirects=False) as response:
        page = response.headers["Location"]
    async with box.post(f"{page}/pay") as response:
        assert "finished" in await response.text()
    await until(told, "waiting", "confirming", "confirmed", "sending", "finished")
    assert told.forged == 0
    async with box.get(f"/nowpayments/v1/payment/{page.rpartition('/')[2]}", headers={"x-api-key": "k"}) as response:
        payment = await response.json()
    assert (payment["payment_status"], payment["order_id"]) == ("finished", "1")
    async with box.post(f"{page}/fail") as response:
        assert response.status == 409


@pytest.mark.parametrize("arrived", ["pay", "half"])
async def test_coins_that_have_arrived_can_only_be_refunded(box, arrived):
    async with box.post("/nowpayments/v1/invoice", json=INVOICE, headers={"x-api-key": "k"}) as response:
        made = await response.json()
    begin = f"/pay/nowpayments/{made['id']}/begin"
    async with box.post(begin, data={"coin": "btc"}, allow_redirects=False) as response:
        page = response.headers["Location"]
    for act, status in ((arrived, 303), ("fail", 409), ("expire", 409), ("pay", 409), ("refund", 303)):
        async with box.post(f"{page}/{act}", allow_redirects=False) as response:
            assert response.status == status, act


async def test_wrong_switches_are_refused(box):
    for path, body in (("faults", {"act": "explode"}), ("faults", {"act": "slow", "times": 0}), ("faults", [])):
        async with box.post(f"/_sandbox/{path}", json=body) as response:
            assert response.status == 400
    for path, wrong in (("latency", {"seconds": -1}), ("minimums", {"zzz": 1}), ("webhooks", {"times": 99})):
        async with box.put(f"/_sandbox/{path}", json=wrong) as response:
            assert response.status == 400


async def test_what_happened_is_remembered(box, tmp_path):
    _, session = await post(box, "checkout/sessions", SESSION)
    with (tmp_path / "journal").open("a") as journal:
        journal.write('["sessions", {"id": "cut o')
    config = SandboxConfig(address="http://127.0.0.1:1", journal=tmp_path / "journal")
    async with serving(sandbox_app(config)) as address, aiohttp.ClientSession(address) as again:
        async with again.get(f"/v1/checkout/sessions/{session['id']}", headers=AUTH) as response:
            assert (await response.json())["id"] == session["id"]
        async with again.get("/") as response:
            assert session["id"][:18] in await response.text()
