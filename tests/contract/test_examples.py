"""The commands of the reference and the guide, run by a shell against a pod beside the sandbox."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from standardwebhooks.webhooks import Webhook

from contract.conftest import FILE, execute
from hingecraft.identity.principal import Kind
from hingecraft_api.app import PUBLIC_ENDPOINTS
from hingecraft_api.messages.described import DOWNLOAD, JOB, PAYMENT, PREFILL, PRODUCT, PURCHASE, SETTLEMENT, USER
from hingecraft_api.reference.openapi import document_of
from support.buying import ALL_DESIGNS, DESIGN
from support.downloads import Shop
from support.limits import PROGRESS
from support.members import sell
from support.pods import ADMIN_TOKEN
from support.sandbox import Sandbox
from support.tokens import SERVICE_TOKEN, token_for

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What differs from one run to the next.
VOLATILE = {"url", "paymentId", "id", "expiresAt", "updatedAt", "requestId", "version"}
PACK, SESSION = "price_QUICK_SCAN", "cs_test_a1B2c3D4e5F6g7H8i9J0kLmN"
SECRET = "whsec_dGVzdC1zZWNyZXQtdGVzdC1zZWNyZXQ="


class Shell:
    """Runs commands with the backend's address and tokens."""

    def __init__(self, api: str) -> None:
        tokens = {"ADMIN_TOKEN": ADMIN_TOKEN, "SERVICE_TOKEN": SERVICE_TOKEN, "TOKEN": token_for(USER)}
        self._environment = {**os.environ, "API": api, **tokens}

    def run(self, command: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            env=self._environment, capture_output=True, text=True, timeout=PROGRESS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def call(
        self, path: str, body: dict[str, Any] | None = None, method: str = "POST", token: str = "ADMIN_TOKEN"
    ) -> dict[str, Any]:
        sent = f"-X {method} -H 'Content-Type: application/json' -d '{json.dumps(body)}'" if body is not None else ""
        answer = json.loads(self.run(f'curl -s "$API{path}" {sent} -H "Authorization: Bearer ${token}"'))
        assert answer["success"], answer
        data: dict[str, Any] = answer["data"]
        return data


@pytest.fixture
def shell(pod):
    return Shell(pod.public)


async def sold(database: str, sandbox: Sandbox) -> str:
    """The price of a pack that Stripe has."""
    connection = await asyncpg.connect(database)
    try:
        return (await sell(connection, sandbox, PACK.removeprefix("price_")))[PACK.removeprefix("price_")]
    finally:
        await connection.close()


async def designed(database: str) -> str:
    """A design that the examples' user has bought."""
    connection = await asyncpg.connect(database)
    try:
        shop = Shop(connection)
        design = await shop.design(FILE)
        await shop.buys(UUID(USER), design)
        return str(design)
    finally:
        await connection.close()


def begun(shell: Shell, product: dict[str, Any]) -> dict[str, Any]:
    """A payment of a new product by the examples' user, with the product's id."""
    wanted = {"productType": product["type"], "productId": shell.call("/admin/products", product)["id"]}
    return {**shell.call("/api/v1/payments", wanted, token="TOKEN"), "productId": wanted["productId"]}


async def bought(shell: Shell, product: str) -> str:
    """The purchase of the product, as soon as its payment is booked."""
    async with asyncio.timeout(PROGRESS):
        while True:
            for purchase in shell.call("/api/v1/purchases", method="GET", token="TOKEN")["items"]:
                if purchase["product"]["id"] == product:
                    return str(purchase["id"])
            await asyncio.sleep(0.1)


# Calls for the sites that may see the payments.
OWNERS = {f"{each.method} {each.path}" for each in PUBLIC_ENDPOINTS if Kind.WIX_OWNER in each.access}


def samples():
    document = document_of(PUBLIC_ENDPOINTS)
    return {
        f"{method.upper()} {path}": operation["x-codeSamples"][0]["source"]
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if "x-codeSamples" in operation
    }


@pytest.fixture(scope="module")
def things(pod, database, runner, sandbox):
    """The objects behind the samples' ids: payments, a settlement, a version, a pack and its checkout."""
    shell = Shell(pod.public)
    runner.run(execute(database, "INSERT INTO wallets (coin, wallet_address) VALUES ('BTC', 'bc1')"))
    shell.call("/admin/policy", {"providers": {"nowpayments": {"enabled": False}}}, "PATCH")

    def waiting():
        payment = shell.call("/charter/generate-payment", {"amount": 25, "currency": "BTC", "strict": True})
        assert payment["kind"] == "wallet"
        return payment["paymentId"]

    paid = waiting()
    shell.call(f"/admin/payments/{paid}/confirm", {"txHash": "a" * 64, "amount": "0.0003", "coin": "BTC"})
    settlement = shell.call(f"/admin/payments/{paid}")["settlements"][0]["id"]
    version = shell.call("/admin/refresh", {})["version"]
    bought = {"priceId": runner.run(sold(database, sandbox)), "planType": "credits"}
    session = shell.call("/api/v1/checkout-sessions", bought, token="TOKEN")["sessionId"]
    gift = {"userId": USER, "delta": 100, "reason": "For the examples", "reference": "for-the-examples"}
    shell.call("/admin/credits/adjust", gift)
    design = runner.run(designed(database))
    download = shell.call(f"/api/v1/downloads/{design}", token="TOKEN")["url"].rpartition("/")[2]
    yield {
        PACK: bought["priceId"],
        SESSION: session,
        PAYMENT: waiting(),
        SETTLEMENT: settlement,
        PRODUCT: design,
        DOWNLOAD: download,
        '"version": 42': f'"version": {version}',
    }
    shell.call("/admin/routes/pin", {"version": None})
    shell.call("/admin/policy", {"providers": {"nowpayments": {"enabled": True}, "stripe": {"enabled": True}}}, "PATCH")


@pytest.fixture(scope="module")
def members_things(pod, things, runner, sandbox):
    """The objects behind the ids where a member pays: a payment that is open, and a subscription."""
    shell = Shell(pod.public)
    runner.run(sandbox.tells(pod.public))
    payment = begun(shell, {**DESIGN, "file": FILE})
    subscription = begun(shell, ALL_DESIGNS)
    runner.run(sandbox.act_on_intent(subscription["clientSecret"].partition("_secret_")[0], "pay"))
    return {
        **things,
        PRODUCT: payment["productId"],
        PAYMENT: payment["paymentId"],
        PURCHASE: runner.run(bought(shell, subscription["productId"])),
    }


@pytest.fixture(scope="module")
def paid_by_card(pod, runner, sandbox):
    """A payment that can be refunded."""
    shell = Shell(pod.public)
    runner.run(sandbox.tells(pod.public))
    payment = shell.call("/charter/generate-payment", {"amount": 25, "currency": "EUR", "strict": True})["paymentId"]
    (session,) = runner.run(sandbox.sessions(payment))
    runner.run(sandbox.act(session["id"], "pay"))
    runner.run(paid(shell, payment))
    return payment


def ended_job(shell, owner):
    """An export that has ended."""
    call = f'-s "$API/api/v1/wix/jobs{{}}" -H "Authorization: WixInstance {owner}"'
    post = "-X POST -H 'Content-Type: application/json' -d '{\"type\": \"export\"}'"
    job = str(json.loads(shell.run(f"curl {call.format('')} {post}"))["data"]["jobId"])
    until = time.monotonic() + PROGRESS
    while json.loads(shell.run(f"curl {call.format('/' + job)}"))["data"]["status"] != "completed":
        assert time.monotonic() < until
        time.sleep(0.1)
    return job


def for_wix(request, shell, name, command):
    """With the token of a site that may make the call, and with what it is about."""
    token = request.getfixturevalue("owner" if name in OWNERS else "site")
    if "/wix/payments/{id}" in name:
        command = command.replace(PAYMENT, request.getfixturevalue("paid_by_card"))
    if "/wix/jobs/{id}" in name:
        command = command.replace(JOB, ended_job(shell, token))
    if name == "GET /api/v1/wix/stream":
        command = command.replace("curl ", "curl --max-time 5 ", 1) + " || [ $? = 28 ]"
    return f"INSTANCE={token}\n{command}"


def is_success(output):
    return json.loads(output)["success"] is True


# Answers that are not a success in JSON.
ANSWERS = {
    "GET /downloads/{token}": lambda output: output == "a hinge",
    "GET /api/v1/wix/stream": lambda output: output.startswith("retry: 3000\n\nid: "),
    "GET /api/v1/wix/jobs/{id}/result": lambda output: output.startswith("id,"),
    "DELETE /api/v1/wix/jobs/{id}": lambda output: json.loads(output)["code"] == "job_ended",
}


@pytest.mark.parametrize("name", samples())
def test_a_command_of_the_reference_works(request, shell, things, name):
    command = samples()[name]
    if name.split()[1].startswith(("/api/v1/payments", "/api/v1/purchases")):
        things = request.getfixturevalue("members_things")
    prefill = shell.call("/mission-support/other", {"amount": 5})["prefillId"]
    for stands_for, real in {**things, PREFILL: prefill}.items():
        command = command.replace(stands_for, real)
    if "$PLAN_SESSION" in command:
        chosen = {"priceId": PACK, "planType": "credits"}
        command = f"PLAN_SESSION={shell.call('/api/v1/plan-session', chosen)['token']}\n{command}"
    if "$INSTANCE" in command:
        command = for_wix(request, shell, name, command.replace(things[PAYMENT], PAYMENT))
    if name == "DELETE /admin/users/{id}":
        command = command.replace(USER, str(uuid4()))
    output = shell.run(command)
    if name.startswith("HEAD "):
        assert output.startswith("HTTP/1.1 200 ")
    else:
        assert ANSWERS.get(name, is_success)(output), output
    if name == "PATCH /admin/policy":
        shell.call("/admin/policy", {"providers": {"stripe": {"enabled": True}}}, "PATCH")


def pages():
    """The guide in order, as pairs of some text and the code block after it."""
    text = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    done = 0
    for block in BLOCK.finditer(text):
        yield text[done : block.start()], block[1], block[2]
        done = block.end()


def test_the_tutorial_works(shell, pod, sandbox, runner):
    runner.run(sandbox.tells(pod.public))
    payment, output = "", ""
    for text, language, block in pages():
        if "press **Pay**" in text:
            session = next(each for each in runner.run(sandbox.sessions(payment)))
            runner.run(sandbox.act(session["id"], "pay"))
            runner.run(paid(shell, payment))
        if language == "sh" and "export" not in block:
            output = shell.run(block.replace(PAYMENT, payment))
            payment = payment or (re.findall(r'"paymentId": "(.*)"', output) or [""])[0]
        elif language == "json":
            compare(json.loads(block), json.loads(output), block)
        elif language == "text":
            assert output.split() == block.split(), output
    assert payment


async def paid(shell, payment):
    async with asyncio.timeout(PROGRESS):
        while shell.call(f"/payments/{payment}")["status"] != "completed":
            await asyncio.sleep(0.1)


def compare(shown, real, block):
    """The same names and values, where they do not differ from one run to the next."""
    assert type(shown) is type(real), block
    if isinstance(shown, dict):
        assert list(shown) == list(real), block
        for name, value in shown.items():
            if name not in VOLATILE:
                compare(value, real[name], block)
    else:
        assert shown == real, block


def test_the_code_that_receives_events_works():
    (code,) = [block for _, language, block in pages() if language == "python"]
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - the guide is ours
    event = document_of(PUBLIC_ENDPOINTS)["webhooks"]["payment.completed"]["post"]["requestBody"]["content"]
    body = json.dumps(event["application/json"]["example"])
    moment = datetime.now(UTC)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("msg_1", moment, body),
    }
    assert names["receive"](body.encode(), headers, SECRET) == f"payment {PAYMENT} is completed"
