"""docs/runbooks/rotating-keys.md, followed for each key: the pod takes what the page says, before, between and after.

The test does what kubelet does for a pod: it writes what the Secret has into the file that the pod reads.
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from aiohttp import web
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from hingecraft import settings
from hingecraft.purchases.downloads import tokens as downloads
from hingecraft.settings import Secret, SentSecret
from hingecraft.sync import signature
from hingecraft_operator.cluster.client import SECRETS
from support import wix
from support.control_plane import ADMIN, binaries
from support.documented import DOCS, Shell, blocks_for
from support.kube import operating, until
from support.money import ipn_signature, send_ipn, send_stripe, stripe_event, stripe_signature
from support.pods import running_pod, signed_visitor
from support.sandbox import running_sandbox
from support.tokens import SETTINGS, bearer, raw, token_for

PAGE = "runbooks/rotating-keys.md"
SAY, PUT_BEFORE, REMOVE_OLD, _GET, SAY_SENT, PUT_SENT = blocks_for(PAGE, "kube")
# The name of a key, its Secret, and how to make a new one.
ROW = re.compile(r"^\| [^|]*`([A-Z_]+)` \| ([^|]+) \| [^|]+ \| ([^|]+) \|$", re.MULTILINE)
KEYS = {key: (secret, made) for key, secret, made in ROW.findall((DOCS / PAGE).read_text())}
SENT = ["STRIPE_SECRET", "NOWPAYMENTS_API_KEY"]
OLD = f"whsec_{base64.b64encode(b'the value before its rotation').decode()}"
CHECKOUTS = {
    "STRIPE_SECRET": ("/mission-support/micro-payment", {"amount": 5}),
    "NOWPAYMENTS_API_KEY": ("/charter/generate-payment", {"amount": 25, "currency": "BTC"}),
}  # fmt: skip
SWITCH_CHF = "UPDATE currencies SET enabled = NOT enabled WHERE code = 'CHF'"
EVENT = stripe_event("charge.succeeded", {"id": "ch_1", "object": "charge"})
IPN = b'{"payment_id":5077125051,"payment_status":"finished"}'


async def by_admin(pod, value):
    return (await pod.call("GET", "/admin/routes/versions", headers=bearer(value)))[0] == 200


async def by_push(pod, value):
    body = b"{}"
    headers = {signature.HEADER: signature.sign(value, body, time.time())}
    async with pod.client.post(pod.internal + "/internal/routes", data=body, headers=headers) as response:
        return response.status != 401


async def by_visitor(pod, value):
    """A visitor whose signature is right has a limit of its own; all others share that of this address."""
    await pod.call("GET", "/config")
    visitor = signed_visitor(f"vid:{uuid4().hex[:22]}", value)
    return (await pod.call("GET", "/config", headers=visitor))[0] == 200


async def by_stripe(pod, value):
    return (await send_stripe(pod, EVENT, stripe_signature(EVENT, secret=value)))[0] == 200


async def by_nowpayments(pod, value):
    return (await send_ipn(pod, IPN, ipn_signature(IPN, value)))[0] == 200


async def by_member(pod, value):
    token = bearer(token_for(secret=value))
    return (await pod.call("GET", "/api/v1/credits/balance", headers=token))[0] == 200


async def by_service(pod, value):
    path = f"/api/v1/credits/balance?userId={uuid4()}"
    return (await pod.call("GET", path, headers=bearer(value)))[0] == 200


async def by_plan_session(pod, value):
    now = int(time.time())
    claims = {
        "iss": "hingecraft", "aud": "payment-flow", "jti": str(uuid4()), "iat": now, "exp": now + 900,
        "priceId": "price_PRO_MONTHLY", "planType": "pro", "metadata": {},
    }  # fmt: skip
    token = raw({"alg": "HS256", "typ": "JWT"}, claims, value.encode())
    return (await pod.call("GET", "/api/v1/plan-session", headers={"Authorization": f"PlanSession {token}"}))[0] == 200


async def by_download(pod, value):
    """A genuine URL whose download nobody remembers has expired; a forged one is unknown."""
    token = downloads.signed(uuid4(), datetime.now(UTC) + timedelta(days=1), Secret(value))
    status = (await pod.call("GET", f"/downloads/{token}"))[0]
    assert status in {404, 410}
    return status == 410


async def by_wix(pod, value):
    owner = wix.as_instance(wix.signed(wix.fields_of(uuid4()), value))
    return (await pod.call("GET", wix.STATUS, headers=owner))[0] == 200


# How a pod shows that it takes a value; and the WEBHOOK_SECRET, which the operator signs with, has a test of its own.
TAKEN = {
    "ADMIN_TOKEN": by_admin,
    "PUSH_SECRET": by_push,
    "VISITOR_SECRET": by_visitor,
    "STRIPE_WEBHOOK_SECRET": by_stripe,
    "NOWPAYMENTS_IPN_SECRET": by_nowpayments,
    "AUTH_JWT_SECRET": by_member,
    "SERVICE_TOKEN": by_service,
    "JWT_SECRET": by_plan_session,
    "DOWNLOAD_SECRET": by_download,
    "WIX_APP_SECRET": by_wix,
}
# What the pod needs beside the key.
BESIDE = {
    "VISITOR_SECRET": {"rate_limit": 1},
    "AUTH_JWT_SECRET": SETTINGS,
    "SERVICE_TOKEN": SETTINGS,
    "DOWNLOAD_SECRET": {**SETTINGS, "downloads": f"file://{DOCS}"},
    "WIX_APP_SECRET": wix.settings(),
}


class Rotation:
    """One key: its Secret, the person who follows the page, and the file that a pod has of it."""

    def __init__(self, namespace, shell, folder, key):
        name, made = KEYS[key]
        command = re.fullmatch(r"`(.+)`", made)
        self.namespace = namespace
        self.shell = shell
        self.key = key
        self.secret = named[1] if (named := re.fullmatch(r"`(\w+)`", name)) else "of-a-feature"
        self.made = f"$({command[1]})" if command else f"of-the-provider-{uuid4()}"
        self.file = folder / key

    async def begin(self, value=OLD):
        await self.namespace.secret(self.secret, **{self.key: value})
        await self.project()

    async def held(self):
        found = await self.namespace.cluster.get(SECRETS, self.namespace.name, self.secret)
        return base64.b64decode(found["data"][self.key]).decode()

    async def project(self):
        new = self.file.with_suffix(".new")
        new.write_text(await self.held())
        os.replace(new, self.file)

    async def say(self):
        """Step 1; answers the new value."""
        self.shell.examples |= {
            "SECRET=api KEY=ADMIN_TOKEN": f"SECRET={self.secret} KEY={self.key}",
            "$(openssl rand -hex 32)": self.made,
        }
        await self.shell.run(SAY)
        return self.shell.environment["NEW"]

    async def follow(self, *blocks):
        for block in blocks:
            await self.shell.run(block)
        await self.project()


@pytest.fixture
def shell(plane, namespace, tmp_path):
    config = plane.kubeconfig(ADMIN, name=f"person-{namespace.name}", namespace=namespace.name)
    path = f"{binaries()}:{os.environ['PATH']}"
    return Shell(tmp_path, {}, HOME=str(tmp_path), KUBECONFIG=str(config), PATH=path)


@pytest.fixture
def follows_at_once(monkeypatch):
    """A pod reads the files of its secrets again whenever it needs one."""
    monkeypatch.setattr(settings, "_LOOK_AGAIN_AFTER", 0.0)


@pytest.fixture
def sandbox():
    with running_sandbox() as process:
        yield process


@pytest.mark.usefixtures("follows_at_once", "still_minute")
@pytest.mark.parametrize("key", TAKEN)
async def test_a_pod_takes_both_values_while_a_key_is_rotated_and_then_only_the_new_one(
    namespace, shell, dsn, tmp_path, key
):
    rotation, taken = Rotation(namespace, shell, tmp_path, key), TAKEN[key]
    await rotation.begin()
    beside = {**BESIDE.get(key, {}), key.lower(): Secret(path=rotation.file)}
    async with running_pod(dsn, background=False, **beside) as pod:
        new = await rotation.say()
        assert (await taken(pod, OLD), await taken(pod, new)) == (True, False)
        await rotation.follow(PUT_BEFORE)
        assert await rotation.held() == f"{new},{OLD}"
        assert (await taken(pod, OLD), await taken(pod, new)) == (True, True)
        await rotation.follow(REMOVE_OLD)
        assert await rotation.held() == new
        assert (await taken(pod, OLD), await taken(pod, new)) == (False, True)


async def test_a_site_verifies_every_webhook_while_their_secret_is_rotated(
    namespace, pod, site, shell, dsn, conn, tmp_path
):
    """It has the old value until the operator signs with both, and the new one from then on."""
    rotation, seen = Rotation(namespace, shell, tmp_path, "WEBHOOK_SECRET"), []
    endpoint = {"name": "site", "url": site.url, "secretRef": {"name": rotation.secret, "key": rotation.key}}

    async def note(request):
        seen.append((await request.text(), dict(request.headers)))
        return web.Response(status=204)

    async def told():
        """Something else that the site is told."""
        count = len(seen)
        await conn.execute(SWITCH_CHF)
        await until(lambda: asyncio.sleep(0.01, len(seen)), lambda now: now > count)
        return seen[-1]

    async with operating(namespace, SSL_CERT_FILE=str(namespace.folder / "site-ca.pem")):
        site.secret, site.behave = OLD, note
        await rotation.begin()
        await namespace.pods(pod.internal)
        await namespace.database_secret(dsn.newest)
        await namespace.make(namespace.routes(webhooks=[endpoint]))
        await namespace.becomes("WebhooksDelivered", "True", "Delivered")
        new = await rotation.say()
        await rotation.follow(PUT_BEFORE)
        await namespace.edit("main", sync={"resync": "5s"})
        await until(told, lambda message: is_signed(message, OLD) and is_signed(message, new))
        site.secret = new
        await rotation.follow(REMOVE_OLD)
        await namespace.edit("main", sync={"resync": "6s"})
        await until(told, lambda message: is_signed(message, new) and not is_signed(message, OLD))
    assert site.forged == 0


def is_signed(message, secret):
    try:
        Webhook(secret).verify(*message)
    except WebhookVerificationError:
        return False
    return True


@pytest.mark.usefixtures("follows_at_once")
@pytest.mark.parametrize("key", SENT)
async def test_gifts_go_on_when_the_first_key_is_deleted_at_the_provider(namespace, shell, dsn, sandbox, tmp_path, key):
    rotation = Rotation(namespace, shell, tmp_path, key)
    old = sandbox.settings[key.lower()]
    await rotation.begin(old)
    path, body = CHECKOUTS[key]
    async with running_pod(dsn, **{**sandbox.settings, key.lower(): SentSecret(path=rotation.file)}) as pod:
        assert (await pod.call("POST", path, json=body))[0] == 200
        shell.examples["KEY=STRIPE_SECRET"] = f"KEY={key}"
        shell.typed = f"{old}-newer\n"
        await rotation.follow(SAY_SENT, PUT_SENT)
        assert await rotation.held() == f"{old}-newer"
        await sandbox.ask("PUT", "/_sandbox/revoked", json=[old])
        assert (await pod.call("POST", path, json=body))[0] == 200


def test_each_key_of_the_page_is_rotated_here():
    assert set(KEYS) == {*TAKEN, *SENT, "WEBHOOK_SECRET"}
