"""A database that was tried with test keys goes live: objects of one mode are not touched in the other."""

from __future__ import annotations

from datetime import timedelta

import pytest

from support.money import give, status_of
from support.reconciling import old, reconcile

LIVE = """
WITH made AS (
    UPDATE external_payments SET livemode = true, provider_id = replace(provider_id, 'cs_test_', 'cs_live_')
    WHERE kind = 'single'
)
UPDATE payments SET livemode = true, provider_id = replace(provider_id, 'cs_test_', 'cs_live_')
"""


@pytest.mark.parametrize("dry_run", [False, True])
async def test_checkouts_of_the_other_mode_are_neither_asked_about_nor_ended(pod, conn, dsn, settings, dry_run):
    theirs = [(await give(pod, amount=5))["paymentId"] for _ in range(4)]
    await conn.execute(LIVE)
    gone = (await give(pod, amount=5))["paymentId"]
    await conn.execute("UPDATE external_payments SET provider_id = 'cs_test_gone' WHERE NOT livemode")
    found = await reconcile(dsn, settings, dry_run=dry_run)
    assert (found.checked, found.errors, found.reasons) == (1, 0, [])
    assert {await status_of(conn, payment) for payment in theirs} == {"pending"}
    assert await status_of(conn, gone) == ("pending" if dry_run else "error")


async def test_a_checkout_that_nobody_knows_the_end_of_is_not_made_with_the_keys_of_the_other_mode(
    pod, sandbox, conn, dsn, settings
):
    await sandbox.fault("timeout_before", method="POST", seconds=30, times=9)
    await pod.call("POST", "/mission-support/micro-payment", json={"amount": 5})
    await sandbox.ask("DELETE", "/_sandbox/switches")
    payment = str(await conn.fetchval("SELECT id FROM payments"))
    await conn.execute(LIVE)
    await old(conn)
    assert (await reconcile(dsn, settings)).checked == 0
    assert await sandbox.sessions(payment) == []
    assert await status_of(conn, payment) == "unknown"


async def test_a_run_with_test_keys_does_not_move_the_cursor_of_the_live_events(pod, sandbox, conn, dsn, settings):
    live = timedelta(hours=3)
    await conn.execute("INSERT INTO reconcile_cursors VALUES ('stripe', now() - $1::interval)", live)
    given = await give(pod, amount=5)
    await sandbox.tells(pod.public, enabled=False)
    (session,) = await sandbox.sessions(given["paymentId"])
    await sandbox.act(session["id"], "pay")
    assert (await reconcile(dsn, settings)).events_missed == 2
    assert (await reconcile(dsn, settings)).events_missed == 0
    behind = await conn.fetchval("SELECT now() - read_until FROM reconcile_cursors WHERE provider = 'stripe'")
    assert behind >= live
