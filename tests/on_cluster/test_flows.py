"""An installed release: what it says of itself, and money through the ingress."""

from __future__ import annotations

import asyncio
import json

from support.helm_release import until
from support.stand_ins import can_connect
from support.through_ingress import GENERATE


def routes_of(release, pod):
    """The routes that one pod serves, without a Service in between."""
    path = f"/api/v1/namespaces/{release.namespace}/pods/{pod}:8080/proxy/routes"
    return json.loads(release.kubectl("get", "--raw", path))["data"]


def test_it_says_that_it_serves(release):
    assert "FAILED" not in release.helm("test", release.name, "--logs")
    routes = release.get("paymentroutes", release.name)
    ready = next(each for each in routes["status"]["conditions"] if each["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("True", "Serving")
    notes = release.helm("get", "notes", release.name)
    for wanted in (
        "https://pay.hingecraft.test/webhooks/stripe",
        "delete crd",
        "delete pvc data-hingecraft-postgres-0",
    ):
        assert wanted in notes


def test_the_operator_watches(release):
    """The user that the image runs as has no name, and no home."""
    assert [line for line in release.errors_logged("operator") if "kopf failed" in line] == []


async def test_a_card_is_paid(people):
    site, bank = people
    given = await site.give(amount=2)
    await bank.pay_by_card(given["paymentId"])
    await site.becomes(given["paymentId"], "completed")


async def test_another_amount_in_another_currency_is_paid(people):
    site, bank = people
    chosen = await site.give("/mission-support/other", amount="37.50")
    status, prefill = await site.call("GET", f"/prefill/{chosen['prefillId']}")
    assert (status, prefill["data"]["amount"]) == (200, 37.5)
    given = await site.give(GENERATE, amount="37.50", currency="EUR", prefillId=chosen["prefillId"])
    await bank.pay_by_card(given["paymentId"])
    await site.becomes(given["paymentId"], "completed")


async def test_coins_are_paid(people):
    """Their events find the way through the ingress by https, as the providers' own do."""
    site, bank = people
    given = await site.give(GENERATE, amount=30, currency="BTC")
    await bank.pay_in_coins(given["url"])
    await site.becomes(given["paymentId"], "completed")


async def test_a_commit_reaches_every_pod(release):
    before = {pod: routes_of(release, pod)["version"] for pod in release.ready_pods("api")}
    assert len(before) >= 2
    change = "UPDATE currencies SET name = 'Euro ' || txid_current() WHERE code = 'EUR'"
    release.kubectl(
        "exec", f"{release.name}-postgres-0", "--", "psql", "--host=/run/postgres", "--username=hingecraft",
        "--dbname=hingecraft", "--command", change,
    )  # fmt: skip

    def newer():
        return all(routes_of(release, pod)["version"] > version for pod, version in before.items())

    await asyncio.to_thread(until, newer, 10)
    checksums = {routes_of(release, pod)["checksum"] for pod in before}
    assert len(checksums) == 1
    assert checksums != {None}


async def test_a_neighbour_in_the_namespace_reaches_neither_the_pods_nor_postgres(release, people):
    site, _ = people
    api, postgres = f"{release.name}-api", f"{release.name}-postgres"
    destinations = [("sandbox", 443, "tcp"), (api, 80, "tcp"), (api, 8081, "tcp"), (postgres, 5432, "tcp")]
    assert can_connect(release, "deployment/sandbox", destinations) == [True, False, False, False]
    assert (await site.give(amount=2))["paymentId"], "the ingress reaches the pods, and they reach Postgres"


def test_a_reconciliation_runs(release):
    release.kubectl("create", "job", "now", f"--from=cronjob/{release.name}-reconcile")
    release.kubectl("wait", "job/now", "--for=condition=complete", "--timeout=60s")

    def healthy():
        conditions = release.get("paymentroutes", release.name)["status"]["conditions"]
        return any(each["type"] == "ReconcileHealthy" and each["reason"] == "Succeeded" for each in conditions)

    until(healthy, 60)
