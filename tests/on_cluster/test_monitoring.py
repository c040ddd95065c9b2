"""Prometheus scrapes an installed release: alerts fire and resolve, and each query of the dashboard returns data."""

from __future__ import annotations

import asyncio
import json
import uuid

import pytest

from support.buying import DESIGN, Buyer, add_product
from support.dashboard_picture import page
from support.helm_release import until
from support.kubernetes_node.places import ROOT
from support.limits import PROGRESS
from support.prometheus import Prometheus, panels
from support.through_ingress import traffic, visitor

pytestmark = pytest.mark.timeout(300)

# The chart's value `monitoring.rules.custom` makes them fire as soon as they are true.
ALERTS = {
    "HingecraftCreditsDiffer", "HingecraftEventsWait", "HingecraftNoMetrics", "HingecraftNobodyLeads",
    "HingecraftReconciliationFails", "HingecraftRoutesNotReady",
}  # fmt: skip
OF_A_POD = {"HingecraftNoMetrics", "HingecraftRoutesNotReady"}
ACCOUNT = uuid.uuid4()
# An event that waits for two hours, and an account that is not the sum of its transactions. Other tests have left many
# checkouts open; they are not due, since alerts are to fire within the limit however many there are.
BREAK = f"""
UPDATE external_payments SET next_check_at = now() + interval '1 day';
UPDATE provider_events SET processed_at = NULL, received_at = now() - interval '2 hours',
       next_attempt_at = now() + interval '1 hour', attempts = 3, error = 'Stripe answered nothing'
WHERE id = (SELECT id FROM provider_events WHERE type = 'checkout.session.completed' LIMIT 1);
INSERT INTO credit_accounts (user_id, balance) VALUES ('{ACCOUNT}', 70);
"""
REPAIR = f"""
UPDATE provider_events SET next_attempt_at = now() WHERE processed_at IS NULL;
UPDATE credit_accounts SET balance = 0 WHERE user_id = '{ACCOUNT}';
"""
# For a look: the dashboard with what its queries returned.
PICTURE = ROOT / "test_results" / "grafana.html"
RENAME = "UPDATE currencies SET name = 'Euro ' || txid_current() WHERE code = 'EUR'"
# One that nobody serves: each delivery fails.
ENDPOINT = {
    "name": "site", "url": "https://sandbox/nothing", "secretRef": {"name": "webhooks", "key": "WEBHOOK_SECRET"}
}  # fmt: skip


@pytest.fixture(scope="module")
def prometheus(release):
    made = Prometheus(release)
    made.start({name: {"for": "1s"} for name in ALERTS})
    yield made
    made.stop()


async def test_alerts_fire_when_something_breaks_and_resolve_when_it_is_repaired(prometheus, release, people):
    site, bank = people

    async def fire(alerts):
        await asyncio.to_thread(until, lambda: alerts <= prometheus.firing(), PROGRESS)

    given = await site.give(amount=2)
    await bank.pay_by_card(given["paymentId"])
    await site.becomes(given["paymentId"], "completed")
    # Before the first scrape no pod has metrics, and before the first run of all there is no reconciliation.
    quiet = ALERTS - {"HingecraftReconciliationFails"}
    await asyncio.to_thread(until, lambda: not quiet & prometheus.firing(), PROGRESS)

    pod = release.ready_pods("api")[0]
    fault = {"act": "status_before", "provider": "stripe", "path": "/v1/events", "times": 1000}
    try:
        await bank.ask("POST", "/_sandbox/faults", json=fault)
        release.postgres(BREAK)
        release.kubectl("create", "job", "broken", f"--from=cronjob/{release.name}-reconcile")
        release.signal(pod, "SIGSTOP")
        release.postgres(RENAME)
        await fire(OF_A_POD)
        release.signal(pod, "SIGCONT")
        release.kubectl("scale", "deployment", f"{release.name}-operator", "--replicas=0")
        await fire(ALERTS - OF_A_POD)
    finally:
        release.signal(pod, "SIGCONT")
        release.kubectl("delete", "job", "broken", "--ignore-not-found")
        await bank.ask("DELETE", "/_sandbox/faults")
        release.postgres(REPAIR)
        release.kubectl("create", "job", "repaired", f"--from=cronjob/{release.name}-reconcile")
        release.kubectl("scale", "deployment", f"{release.name}-operator", "--replicas=2")
    await asyncio.to_thread(until, lambda: not ALERTS & prometheus.firing(), PROGRESS)


async def test_each_query_of_the_dashboard_returns_data(prometheus, release, people):
    site, bank = people
    titles = [title for title, _ in panels(release.namespace)]
    design = await add_product(site, DESIGN, file="hingecraft/sbom.cdx.json")
    release.postgres(f"UPDATE products SET file = 'gone.zip' WHERE id = '{design}'")
    point_at(release, [ENDPOINT])
    release.kubectl("create", "job", "reconciled", f"--from=cronjob/{release.name}-reconcile")
    try:
        await buy(site, bank, design)
        # A pod reads the figures of members when it starts, and then once a minute.
        release.kubectl("delete", "pod", release.ready_pods("api")[0], "--wait=false")
        await exceed_the_limit(site)
        missing = titles
        async with traffic(site, readers=2, givers=1, pause=0.1):
            end = asyncio.get_running_loop().time() + 2 * PROGRESS
            while missing and asyncio.get_running_loop().time() < end:
                await use(site, bank, design)
                await asyncio.to_thread(release.postgres, RENAME)
                shown = await asyncio.to_thread(prometheus.shown)
                missing = [title for number, title in enumerate(titles) if number not in shown]
        assert missing == []
        PICTURE.parent.mkdir(exist_ok=True)
        PICTURE.write_text(await asyncio.to_thread(page, prometheus.course))
    finally:
        point_at(release, None)


def point_at(release, endpoints):
    """Declare the site's endpoints, or none, as the chart's values leave them."""
    patch = json.dumps({"spec": {"webhooks": endpoints}})
    release.kubectl("patch", "paymentroutes", release.name, "--type=merge", f"--patch={patch}")


async def use(site, bank, design):
    """A gift, a purchase whose file is missing, and a message that Stripe did not sign."""
    given = await site.give(amount=2)
    await bank.pay_by_card(given["paymentId"])
    await site.becomes(given["paymentId"], "completed")
    buyer = await buy(site, bank, design)
    status, answer = await buyer.call("GET", f"/api/v1/downloads/{design}")
    assert (status, answer["code"]) == (503, "download_unavailable")
    status, _ = await site.call("POST", "/webhooks/stripe", data=b"{}", headers={"Stripe-Signature": "t=1,v1=00"})
    assert status == 400


async def buy(site, bank, design):
    buyer = Buyer(site)
    begun = await buyer.begin(design)
    await bank.ask("POST", f"/pay/stripe/i/{begun['intent']}/pay", allow_redirects=False)
    await buyer.gets(design, "owned")
    return buyer


async def exceed_the_limit(site):
    """One visitor calls until a pod has had enough."""
    named = visitor()
    async with asyncio.timeout(PROGRESS):
        while (await site.call("GET", "/config", headers=named))[0] != 429:
            pass
