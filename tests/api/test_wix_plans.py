"""Plans and credits of the Wix app, as Wix's events tell about them: late, doubled and in any order."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from hingecraft.inbox import watch
from hingecraft_api.features.wix_app import WIX_APP
from support import wix
from support.limits import PROGRESS
from support.pods import running_pod

SPEND = "/api/v1/wix/credits/spend"
BOUGHT, CHANGED, CANCELLED = "PaidPlanPurchased", "PaidPlanChanged", "PaidPlanAutoRenewalCancelled"
INVOICE = "InvoiceStatusUpdated"
UNKNOWN_PRODUCTS = "hingecraft_wix_unknown_products"
AGREE = """
SELECT coalesce(bool_and(a.allowance = l.allowance AND a.trial = l.trial AND a.bought = l.bought), true)
FROM wix_credit_accounts a
CROSS JOIN LATERAL (
    SELECT coalesce(sum(allowance), 0) AS allowance, coalesce(sum(trial), 0) AS trial,
        coalesce(sum(bought), 0) AS bought
    FROM wix_credits c WHERE c.instance_id = a.instance_id
) l
"""


@pytest.fixture
async def pod(dsn):
    async with running_pod(dsn, **wix.settings()) as pod:
        yield pod


def now():
    return datetime.now(UTC)


def plan(product="starter", cycle="MONTHLY", *, at=None, **more):
    return {"operationTimeStamp": wix.iso(at or now()), "vendorProductId": product, "cycle": cycle, **more}


async def told(pod, conn, site, *events):
    for kind, data in events:
        await wix.tell(pod, kind, site, data)
    await wix.until_processed(conn)
    assert await conn.fetchval(AGREE)
    return await wix.status_of(pod, site)


async def spend(pod, site, amount=1, reference="r"):
    body = {"amount": amount, "reference": reference}
    status, answer = await pod.call("POST", SPEND, json=body, headers=wix.owner(site))
    return (status, answer["data"]["credits"]) if status == 200 else (status, answer["code"])


async def test_a_purchase_gives_the_plan_and_its_credits_once(pod, conn):
    site, at = uuid4(), now() - timedelta(hours=1)
    event = (BOUGHT, plan("Starter-Monthly", at=at, invoiceId="1"))
    found = await told(pod, conn, site, event, event, event)
    assert (found["plan"], found["credits"], found["isTrial"], found["billingSource"]) == ("starter", 53, False, "wix")
    assert found["currentPeriodEnd"] > wix.iso(at + timedelta(days=27))


async def test_variants_of_a_plans_name_mean_it(pod, conn):
    expected = {"PRO": 100, "pro-plan": 100, "Agency-Yearly": 300, "starter-monthly": 50}
    assert {
        name: (await told(pod, conn, uuid4(), (BOUGHT, plan(name))))["credits"] - 3 for name in expected
    } == expected


async def test_a_change_lets_unused_credits_lapse_and_a_late_purchase_gives_none(pod, conn):
    site, at = uuid4(), now() - timedelta(days=9)
    await told(pod, conn, site, (BOUGHT, plan(at=at)))
    assert await spend(pod, site, 20) == (200, 33)
    assert (await wix.status_of(pod, site))["creditsUsed"] == 20
    found = await told(pod, conn, site, (CHANGED, plan("pro", at=at + timedelta(days=4))))
    assert (found["plan"], found["credits"], found["creditsUsed"]) == ("pro", 103, 0)
    late = await told(pod, conn, site, (BOUGHT, plan("agency", at=at + timedelta(days=2))))
    assert late == found


async def test_a_free_trial_that_is_paid_for_begins_a_period_of_its_own(pod, conn):
    site, paid_at = uuid4(), now() - timedelta(days=1)
    trial = (BOUGHT, plan("pro", at=now() - timedelta(days=10)))
    assert (await told(pod, conn, site, trial))["credits"] == 103
    assert await spend(pod, site, 40) == (200, 63)
    paid = ("PlanConvertedToPaid", plan("pro", at=paid_at, invoiceId="1"))
    found = await told(pod, conn, site, paid, trial, paid)
    assert (found["plan"], found["credits"], found["creditsUsed"]) == ("pro", 103, 0)
    assert found["currentPeriodEnd"] > wix.iso(paid_at + timedelta(days=27))


async def test_plan_credits_are_spent_before_those_that_last(pod, conn):
    site = uuid4()
    await told(pod, conn, site, (BOUGHT, plan(at=now() - timedelta(days=9))))
    assert await spend(pod, site, 51) == (200, 2)
    assert (await wix.status_of(pod, site))["trialCreditsRemaining"] == 2
    # The trial's credits outlive the plan.
    ended = {"operationTimeStamp": wix.iso(now()), "subscriptionCancellationType": "IMMEDIATELY"}
    found = await told(pod, conn, site, (CANCELLED, ended))
    assert (found["plan"], found["credits"], found["isTrial"]) == ("free", 2, True)


async def test_a_cancelled_plan_lasts_until_its_period_ends(pod, conn):
    site, at = uuid4(), now() - timedelta(days=9)
    ended = {"operationTimeStamp": wix.iso(now()), "subscriptionCancellationType": "AT_END_OF_PERIOD"}
    # The cancellation comes first.
    found = await told(pod, conn, site, (CANCELLED, ended), (BOUGHT, plan(at=at)))
    assert (found["plan"], found["credits"], found["cancelAtPeriodEnd"]) == ("starter", 53, True)
    again = (("PlanReactivated", plan(reason="USER")),)
    found = await told(pod, conn, site, *again)
    assert (found["cancelAtPeriodEnd"], found["credits"]) == (False, 53)


async def test_access_ends_with_the_period_of_a_cancelled_plan(pod, conn):
    site, at = uuid4(), now() - timedelta(days=40)
    ended = {"operationTimeStamp": wix.iso(at + timedelta(days=2)), "cancelReason": "USER_CANCEL"}
    found = await told(pod, conn, site, (BOUGHT, plan(at=at)), (CANCELLED, ended))
    assert (found["plan"], found["credits"], found["currentPeriodEnd"]) == ("free", 3, None)
    assert await spend(pod, site, 4) == (402, "insufficient_credits")


@pytest.mark.parametrize("refund_first", [True, False])
@pytest.mark.parametrize("status", ["REFUNDED", "CHARGEDBACK"])
async def test_a_refunded_invoice_takes_its_unused_credits_back(pod, conn, status, refund_first):
    site = uuid4()
    events = [
        (BOUGHT, plan(at=now() - timedelta(days=1), invoiceId="inv-1")),
        (INVOICE, {"instanceId": str(site), "invoiceId": "inv-1", "recurring": True, "status": status}),
    ]
    found = await told(pod, conn, site, *(reversed(events) if refund_first else events))
    assert (found["plan"], found["credits"]) == ("starter", 3)


@pytest.mark.parametrize(("invoice", "status"), [("inv-0", "REFUNDED"), ("inv-1", "VOIDED")])
async def test_an_event_of_another_invoice_or_status_takes_nothing(pod, conn, invoice, status):
    site = uuid4()
    other = {"instanceId": str(site), "invoiceId": invoice, "recurring": True, "status": status}
    assert (await told(pod, conn, site, (BOUGHT, plan(invoiceId="inv-1")), (INVOICE, other)))["credits"] == 53


async def test_an_unknown_product_keeps_the_plan_until_it_is_known(pod, conn, monkeypatch):
    monkeypatch.setattr(watch, "_EVERY", 0.02)
    watching = asyncio.ensure_future(WIX_APP.works(pod.pod)["watching unknown products of Wix"]())
    site, product = uuid4(), "6C1A-Enterprise"
    await pod.shows(UNKNOWN_PRODUCTS, 0)
    before = await told(pod, conn, site, (BOUGHT, plan(at=now() - timedelta(days=3))))
    await wix.tell(pod, CHANGED, site, plan(product))
    await pod.shows(UNKNOWN_PRODUCTS, 1)
    assert await wix.status_of(pod, site) == before
    await conn.execute(
        "INSERT INTO wix_plan_names (name, plan, is_product) VALUES (lower($1), 'agency', true)", product
    )
    async with asyncio.timeout(PROGRESS):
        while (await wix.status_of(pod, site))["plan"] != "agency":
            await asyncio.sleep(0.02)
    assert (await wix.status_of(pod, site))["credits"] == 303
    await pod.shows(UNKNOWN_PRODUCTS, 0)
    watching.cancel()


async def test_a_plan_without_a_product_is_ignored_with_the_reason(pod, conn):
    site = uuid4()
    assert (await told(pod, conn, site, (BOUGHT, {"operationTimeStamp": wix.iso(now())})))["plan"] == "free"
    reason = await conn.fetchval("SELECT ignored_because FROM provider_events WHERE source = 'wix'")
    assert reason.startswith("it names no plan")


@pytest.mark.usefixtures("patient")
async def test_the_last_credit_is_spent_once(pod, conn):
    site = uuid4()
    assert (await wix.status_of(pod, site))["credits"] == 3
    assert await spend(pod, site, 2, "first") == (200, 1)
    answers = await asyncio.gather(*(spend(pod, site, 1, f"race-{number}") for number in range(50)))
    assert sorted(answers, key=str) == [(200, 0), *[(402, "insufficient_credits")] * 49]
    assert await conn.fetchval(AGREE)


@pytest.mark.usefixtures("patient")
async def test_a_spend_happens_once_for_each_reference(pod, conn):
    site = uuid4()
    answers = await asyncio.gather(*(spend(pod, site, 2, "one") for _ in range(10)))
    assert set(answers) == {(200, 1)}
    assert await spend(pod, site, 1, "one") == (422, "reference_reused")
    assert await spend(pod, site, 2, "two") == (402, "insufficient_credits")
    assert await spend(pod, site, 1, "two") == (200, 0), "a rejected spend leaves its reference free"
    assert await spend(pod, site, 2, "one") == (200, 1), "the first answer, whatever has happened since"


async def test_the_ledger_is_never_changed(pod, conn):
    await wix.status_of(pod, uuid4())
    for statement in ("UPDATE wix_credits SET trial = 9", "DELETE FROM wix_credits", "TRUNCATE wix_credits"):
        with pytest.raises(Exception, match="append-only"):
            await conn.execute(statement)
