"""The endpoints of a resource: told, signed, rotated, failing, lying, gone; and how the status says so."""

from __future__ import annotations

import asyncio
import base64

import pytest
from aiohttp import web

from hingecraft_sandbox.postgres import free_port
from support.alerts import proven
from support.kube import operating, until
from support.limits import PROGRESS
from support.receiver import SECRET

CLOSE_CHF = "UPDATE currencies SET enabled = false WHERE code = 'CHF'"
OTHER_SECRET = f"whsec_{base64.b64encode(bytes(range(24))).decode()}"
PAID = """
INSERT INTO outbox (endpoint, type, data)
SELECT name, 'payment.completed', '{"paymentId": "1"}' FROM webhook_endpoints WHERE 'payment.completed' = ANY (events)
"""


@pytest.fixture
async def served(namespace, site, pod, dsn):
    certificate, port = str(namespace.folder / "site-ca.pem"), str(free_port())
    async with operating(namespace, SSL_CERT_FILE=certificate, OPERATOR_PORT=port) as operator:
        await namespace.pods(pod.internal)
        await namespace.database_secret(dsn.newest)
        await namespace.secret("hooks", WEBHOOK_SECRET=SECRET)
        await namespace.make(namespace.routes(webhooks=[hook(site.url)]))
        await namespace.becomes("WebhooksDelivered", "True", "Delivered")
        yield operator


def hook(url, name="site", **more):
    return {"name": name, "url": url, "secretRef": {"name": "hooks", "key": "WEBHOOK_SECRET"}, **more}


async def told(site, version):
    await until(lambda: versions(site), lambda seen: version in seen)


async def versions(site):
    return [event["data"].get("version") for event in site.events]


async def of(namespace, name="site"):
    return next((each for each in (await namespace.status()).get("webhooks", ()) if each["name"] == name), {})


async def test_an_endpoint_gets_each_version_and_the_status_says_which_it_has(namespace, served, site, conn):
    await told(site, 1)
    await conn.execute(CLOSE_CHF)
    await told(site, 2)
    status = await namespace.shows(version=2, webhooksSummary="1/1")
    assert status["webhooks"] == [{"name": "site", "version": 2, "state": "Delivered", "failures": 0}]
    assert site.forged == 0


async def test_a_new_endpoint_is_told_at_once_and_one_that_is_taken_away_no_more(namespace, served, site, conn):
    url = site.url.replace("hingecraftRoutesUpdate", "other")
    await namespace.edit("main", webhooks=[hook(site.url), hook(url, "other")])
    await namespace.shows(webhooksSummary="2/2")
    await namespace.edit("main", webhooks=[])
    await namespace.becomes("WebhooksDelivered", "True", "NoneDeclared")
    await until(lambda: conn.fetchval("SELECT count(*) FROM webhook_endpoints"), lambda count: count == 0)
    await conn.execute(CLOSE_CHF)
    await namespace.shows(version=2)
    assert 2 not in await versions(site)


async def test_payment_events_go_to_who_wants_them(namespace, served, site, conn):
    events = ["payment.completed"]
    await namespace.edit("main", webhooks=[hook(site.url), hook(site.url + "/pay", "payments", events=events)])
    await until(lambda: conn.fetchval("SELECT count(*) FROM webhook_endpoints"), lambda count: count == 2)
    await conn.execute(PAID)
    await until(lambda: types(site), lambda seen: "payment.completed" in seen)
    assert (await namespace.shows(webhooksSummary="1/1"))["version"] == 1


async def types(site):
    return [event["type"] for event in site.events]


async def test_a_secret_is_rotated_without_a_message_that_does_not_verify(namespace, served, site, conn):
    """First both sign, then only the new one: the site, which knows only the old one, sees when it must change."""
    await namespace.secret("hooks", WEBHOOK_SECRET=f"{OTHER_SECRET},{SECRET}")
    await namespace.edit("main", sync={"resync": "5s"})
    await conn.execute(CLOSE_CHF)
    await told(site, 2)
    assert site.forged == 0
    await namespace.secret("hooks", WEBHOOK_SECRET=OTHER_SECRET)
    await namespace.edit("main", sync={"resync": "6s"})

    async def forged():
        await conn.execute("UPDATE currencies SET enabled = NOT enabled WHERE code = 'CHF'")
        return await asyncio.sleep(0.3, site.forged)

    # The first of them may still be signed with both.
    await until(forged, bool)


async def test_a_wrong_secret_is_named_and_never_shown(namespace, served):
    await namespace.secret("hooks", WEBHOOK_SECRET="not-a-webhook-secret")
    await namespace.edit("main", sync={"resync": "5s"})
    message = await namespace.becomes("WebhooksDelivered", "False", "SecretWrong")
    assert message.startswith("site: the key WEBHOOK_SECRET of the Secret hooks must be whsec_ followed by base64")
    assert "not-a-webhook-secret" not in message


async def test_a_missing_secret_of_a_webhook_stops_nobody_from_paying(namespace, site, pod, dsn, conn):
    """Not at the start either, as after a fail-over; what the endpoint should be told is kept for it."""
    async with operating(namespace, SSL_CERT_FILE=str(namespace.folder / "site-ca.pem")):
        await namespace.pods(pod.internal)
        await namespace.database_secret(dsn.newest)
        await namespace.make(namespace.routes(webhooks=[hook(site.url)]))
        await namespace.becomes("FanoutComplete", "True", "Complete")
        message = await namespace.becomes("WebhooksDelivered", "False", "SecretMissing")
        assert message.startswith("site: the Secret hooks does not exist")
        await conn.execute(CLOSE_CHF)
        await pod.serves(2)
        await namespace.shows(version=2, podsSummary="1/1")
        assert (await of(namespace))["state"] == "SecretMissing"
        assert (await namespace.condition("Ready"))[:2] == ("True", "WebhooksDegraded")
        await namespace.edit("main", paused=True)
        await namespace.becomes("RoutesBuilt", "True", "Paused")
        await namespace.secret("hooks", WEBHOOK_SECRET=SECRET)
        await namespace.becomes("WebhooksDelivered", "True", "Delivered")
        await told(site, 2)
        assert [event["data"]["version"] for event in site.events] == [2]
        assert site.forged == 0


async def test_a_secret_that_is_missing_keeps_only_its_own_endpoint_waiting(namespace, served, site, conn):
    other = hook(f"{site.url}/other", "other")
    other["secretRef"]["name"] = "not-there"
    await namespace.edit("main", webhooks=[hook(site.url), other])
    await namespace.becomes("WebhooksDelivered", "False", "SecretMissing")
    await conn.execute(CLOSE_CHF)
    await told(site, 2)
    states = await until(namespace.status, lambda seen: len(seen.get("webhooks", ())) == 2 and seen.get("version") == 2)
    assert {each["name"]: each["state"] for each in states["webhooks"]}["other"] == "SecretMissing"


async def test_an_endpoint_that_fails_is_retried_and_reported(namespace, served, site, conn):
    await counted(served, "True")
    async with proven("HingecraftWebhooksFail", served) as alert:
        await fails_and_is_reported(namespace, site, conn)
        await counted(served, "False")
        of_the_resource = {"namespace": namespace.name, "resource": "main"}
        await alert.fires_together({
            "Webhooks to the endpoint site fail.": {**of_the_resource, "endpoint": "site"},
            "Webhooks to an endpoint of main fail, or it is disabled: kubectl describe paymentroutes says which.":
                of_the_resource,
        })  # fmt: skip
        site.behave = lambda _request: answer(204)
        await namespace.becomes("WebhooksDelivered", "True", "Delivered")
        await counted(served, "True")


async def counted(operator, state):
    """Wait until the metrics say so too."""
    line = f'condition="WebhooksDelivered",namespace="{operator.namespace.name}",resource="main",status="{state}"}} 1.0'
    await until(operator.exposition, lambda text: line in text)


async def fails_and_is_reported(namespace, site, conn):
    site.behave = lambda _request: answer(500)
    await conn.execute(CLOSE_CHF)
    await namespace.becomes("WebhooksDelivered", "False", "Failing")
    await until(lambda: namespace.condition("WebhooksDelivered"), lambda seen: "HTTP 500" in seen[2])
    failing = await until(lambda: of(namespace), lambda seen: seen.get("state") == "Failing")
    assert failing["failures"] >= 1
    assert failing["nextAttempt"]
    assert (await namespace.condition("Ready"))[:2] == ("True", "WebhooksDegraded"), "nobody is kept from paying"


async def test_an_endpoint_that_hangs_holds_nobody_up(namespace, served, site, pod, conn):
    """The first call outlasts the test; the second time the endpoint is given up soon."""
    reached = asyncio.Event()
    site.behave = lambda _request: hanging(reached)
    await namespace.edit("main", webhooks=[hook(site.url, timeout="20s")])
    await conn.execute(CLOSE_CHF)
    await pod.serves(2)
    await asyncio.wait_for(reached.wait(), PROGRESS)
    await conn.execute("UPDATE currencies SET enabled = true WHERE code = 'CHF'")
    await pod.serves(3)
    assert (await namespace.condition("WebhooksDelivered"))[0] != "False", "nobody waited for the call to end"
    await namespace.edit("main", webhooks=[hook(site.url, timeout="1s")])
    await namespace.becomes("WebhooksDelivered", "False", "Failing")
    # The version before may have failed too, and this one may not have been tried yet.
    await until(lambda: namespace.condition("WebhooksDelivered"), lambda seen: "TimeoutError" in seen[2])


async def test_an_endpoint_that_redirects_is_not_followed(namespace, served, site, conn):
    site.behave = lambda _request: answer(307, {"Location": "/elsewhere"})
    await conn.execute(CLOSE_CHF)
    await namespace.becomes("WebhooksDelivered", "False", "Failing")
    # The version before may have failed too, and this one may not have been tried yet.
    await until(lambda: namespace.condition("WebhooksDelivered"), lambda seen: "redirects are not followed" in seen[2])


async def test_an_endpoint_that_says_gone_is_told_no_more_until_its_url_changes(namespace, served, site, conn):
    site.behave = lambda _request: answer(410)
    await conn.execute(CLOSE_CHF)
    message = await namespace.becomes("WebhooksDelivered", "False", "Disabled")
    assert "answered 410 Gone" in message
    assert (await of(namespace))["state"] == "Disabled"
    site.behave = lambda _request: answer(204)
    await namespace.edit("main", webhooks=[hook(site.url + "/again")])
    await namespace.becomes("WebhooksDelivered", "True", "Delivered")


async def test_an_endpoint_that_answers_nonsense_has_taken_it(namespace, served, site, conn):
    """Only the status counts: the body of a site's answer may be anything."""
    site.behave = lambda _request: answer(200, text="<html>it is not json" * 1000)
    await conn.execute(CLOSE_CHF)
    await namespace.shows(version=2, webhooksSummary="1/1")


async def answer(status, headers=None, text=""):
    return web.Response(status=status, headers=headers, text=text)


async def hanging(reached):
    reached.set()
    await asyncio.sleep(3600)
