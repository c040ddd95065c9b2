"""Our own key is bad, lacks a right, or belongs to another account: no donor and no payment pays for that."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest

from hingecraft.installation.accounts import WrongAccountError
from support.limits import PROGRESS
from support.money import all_processed, becomes, give, status_of
from support.pods import running_pod
from support.reconciling import command, reconcile, summary_of

pytestmark = pytest.mark.usefixtures("few_links")

MICRO, GENERATE = "/mission-support/micro-payment", "/charter/generate-payment"
KEY = {"Idempotency-Key": "one-click-of-a-donor"}
OTHER_KEY = "sk_test_" + "other"


async def metrics(pod):
    async with pod.client.get(f"{pod.internal}/metrics") as response:
        return await response.text()


@pytest.mark.parametrize(
    ("provider", "path", "body", "key"),
    [
        ("stripe", MICRO, {"amount": 5}, "sk_test_sandbox"),
        ("nowpayments", GENERATE, {"amount": 25, "currency": "BTC"}, "sandbox-key"),
    ],
)
async def test_a_key_that_the_provider_rejects_is_not_the_donors_fault(pod, sandbox, caplog, provider, path, body, key):
    await sandbox.ask("PUT", "/_sandbox/revoked", json=[key])
    with caplog.at_level(logging.ERROR):
        status, answer = await pod.call("POST", path, json=body, headers=KEY)
    assert (status, answer["code"]) == (502, "provider_unavailable")
    assert any(provider.upper() in each.getMessage().upper() for each in caplog.records)
    assert f'hingecraft_provider_key_rejected_total{{provider="{provider}"}}' in await metrics(pod)
    await sandbox.ask("DELETE", "/_sandbox/switches")
    assert (await pod.call("POST", path, json=body, headers=KEY))[0] == 200


async def test_a_checkout_of_unknown_end_is_not_ended_by_a_bad_key(pod, sandbox, conn, dsn):
    await sandbox.fault("timeout_before", method="POST", seconds=30, times=9)
    assert (await pod.call("POST", MICRO, json={"amount": 5}))[0] == 502
    await sandbox.ask("DELETE", "/_sandbox/switches")
    await conn.execute("UPDATE external_payments SET created_at = now() - interval '2 min'")
    await sandbox.fault("status_before", provider="stripe", method="POST", status=401, times=9)
    found = await reconcile(dsn, sandbox.settings)
    assert found.errors >= 1
    assert await conn.fetchval("SELECT status FROM payments") == "unknown"


async def test_another_accounts_key_ends_nothing_and_says_what_to_do(pod, sandbox, conn, dsn):
    given = await give(pod, amount=5)
    assert (await reconcile(dsn, sandbox.settings)).errors == 0
    assert await conn.fetchval("SELECT stripe_test_account FROM installation") == "acct_sandbox"
    await sandbox.ask("PUT", "/_sandbox/accounts", json={OTHER_KEY: "acct_other"})
    other = {**sandbox.environment, "STRIPE_SECRET": OTHER_KEY}
    code, _, complained = await command(dsn, other, "reconcile", "--once", "--all")
    assert code == 2
    assert "belongs to acct_other, but this database belongs to acct_sandbox" in complained
    assert "UPDATE installation SET stripe_test_account = 'acct_other'" in complained
    assert await status_of(conn, given["paymentId"]) == "pending"
    await conn.execute("UPDATE installation SET stripe_test_account = 'acct_other'")
    code, said, _ = await command(dsn, other, "reconcile", "--once", "--all", "--dry-run")
    assert "does not know" not in json.dumps(summary_of(said)), "one checkout that is gone is nothing unusual"


async def test_a_restricted_key_of_another_account_is_told_by_the_sessions_that_it_knows(pod, sandbox, conn, dsn):
    """It may not read its account: before anything is done, some open checkouts are asked about."""
    await conn.execute("UPDATE currencies SET enabled = code = 'USD'")
    given = [await give(pod, amount=5) for _ in range(4)]
    await sandbox.ask("PUT", "/_sandbox/accounts", json={OTHER_KEY: "acct_other"})
    await sandbox.fault("status_before", provider="stripe", path="/v1/account", status=403, times=99)
    with pytest.raises(WrongAccountError, match="knows none of 3 open checkouts"):
        await reconcile(dsn, {**sandbox.settings, "stripe_secret": OTHER_KEY})
    assert {await status_of(conn, each["paymentId"]) for each in given} == {"pending"}
    assert (await reconcile(dsn, sandbox.settings)).errors == 0, "our restricted key is fine"


async def test_a_run_that_finds_most_checkouts_gone_ends_none_of_them(pod, sandbox, conn, dsn):
    """Whatever the reason: one or two may be gone, but not all of them."""
    await conn.execute("UPDATE currencies SET enabled = code = 'USD'")
    given = [await give(pod, amount=5) for _ in range(4)]
    await sandbox.ask("DELETE", "/_sandbox/book/sessions")
    found = await reconcile(dsn, sandbox.settings)
    assert any("does not know 4 of 4 checkouts" in reason for reason in found.reasons), found.reasons
    assert not found.succeeded
    assert {await status_of(conn, each["paymentId"]) for each in given} == {"pending"}


async def test_a_pod_with_another_accounts_key_opens_and_asks_nothing(pod, sandbox, conn, dsn, caplog):
    """Until it has one of our keys; the signed events of our account wait for it."""
    given = await give(pod, amount="12.50", currency="EUR")
    async with asyncio.timeout(PROGRESS):
        while not await conn.fetchval("SELECT stripe_test_account FROM installation"):
            await asyncio.sleep(0.05)
    await sandbox.ask("PUT", "/_sandbox/accounts", json={OTHER_KEY: "acct_other"})
    with caplog.at_level(logging.ERROR):
        async with running_pod(dsn, **{**sandbox.settings, "stripe_secret": OTHER_KEY}) as other:
            async with asyncio.timeout(PROGRESS):
                while (answer := await other.call("POST", MICRO, json={"amount": 5}))[0] != 502:
                    await asyncio.sleep(0.05)
            assert answer[1]["code"] == "provider_unavailable"
    assert any("belongs to acct_other" in each.getMessage() for each in caplog.records)
    (session,) = await sandbox.sessions(given["paymentId"])
    await sandbox.act(session["id"], "pay")
    await becomes(conn, given["paymentId"], "completed")
    await all_processed(conn, at_least=3)
