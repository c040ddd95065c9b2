"""A payer of a standing link is back on the site: `GET /payments/cs_...` says how it went, event or no event."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from hingecraft.payments.returning_payers import Returning
from support.money import all_processed
from support.pods import running_pod
from support.reconciling import reconcile
from support.standing_links import begin, keeper, make_link, pay_through

URL_OF = "SELECT provider_url FROM external_payments WHERE kind = 'standing' AND currency = $1"


@pytest.fixture
async def urls(dsn, sandbox, conn):
    await conn.execute("UPDATE currencies SET enabled = code IN ('USD', 'EUR')")
    async with keeper(dsn, sandbox) as each:
        await each.ensure()
    return {code: await conn.fetchval(URL_OF, code) for code in ("USD", "EUR")}


@pytest.fixture
async def deaf(dsn, sandbox):
    """A pod that Stripe tells nothing, and that works on no inbox."""
    await sandbox.tells("http://127.0.0.1:9", enabled=False)
    async with running_pod(dsn, background=False, **sandbox.settings) as running:
        await running.pod.currencies.refresh()
        yield running


async def asked(pod, session):
    status, answer = await pod.call("GET", f"/payments/{session}")
    return status, answer.get("data")


async def test_a_payment_through_a_standing_link_is_found_by_its_session(pod, sandbox, conn, urls):
    session = await pay_through(sandbox, urls["USD"], "25")
    await all_processed(conn, at_least=3)
    status, data = await asked(pod, session)
    assert status == 200
    assert data["id"] == str(await conn.fetchval("SELECT id FROM payments"))
    found = {name: data[name] for name in ("status", "amount", "currency", "provider")}
    assert found == {"status": "completed", "amount": 25, "currency": "USD", "provider": "stripe"}


@pytest.mark.parametrize("code", ["USD", "EUR"])
async def test_before_its_event_stripe_is_asked_and_the_payment_is_written_down_once(
    deaf, sandbox, conn, dsn, urls, code
):
    session = await pay_through(sandbox, urls[code], "25")
    answers = await asyncio.gather(*(asked(deaf, session) for _ in range(3)))
    assert {(status, data["status"]) for status, data in answers} == {(200, "completed")}
    # Its event comes late, and twice.
    for _ in range(2):
        await reconcile(dsn, sandbox.settings, lookback_given=True)
    assert await conn.fetchval("SELECT count(*) FROM payments") == 1
    assert [row[0] for row in await conn.fetch("SELECT amount FROM settlements")] == [Decimal(25)]
    assert await conn.fetchval("SELECT count(*) FROM outbox") <= 1


async def test_what_is_not_paid_yet_is_pending_and_has_no_payment(deaf, sandbox, conn, urls):
    session = await begin(sandbox, urls["USD"], "25")
    await sandbox.act(session, "pay_later")
    status, data = await asked(deaf, session)
    assert (status, data["status"], data["id"], data["amount"]) == (200, "pending", session, 25)
    assert await conn.fetchval("SELECT count(*) FROM payments") == 0
    await sandbox.act(session, "bounce")
    deaf.pod.parts[Returning]._answers.clear()
    assert (await asked(deaf, session))[1]["status"] == "failed"


async def test_an_invented_session_costs_stripe_nothing_and_one_of_others_is_not_shown(deaf, sandbox, conn, urls):
    foreign = await make_link(sandbox)
    session = await pay_through(sandbox, foreign["url"])
    for wanted in (session, f"cs_live_{'a' * 40}", "cs_test_short", f"cs_test_{'a' * 40}"):
        assert (await asked(deaf, wanted))[0] == 404
    before = (await sandbox.ask("GET", "/_sandbox/switches"))["keys"]
    for wanted in (session, f"cs_test_{'a' * 40}", f"cs_live_{'a' * 40}", "cs_nothing"):
        assert (await asked(deaf, wanted))[0] == 404
    assert (await sandbox.ask("GET", "/_sandbox/switches"))["keys"] == before, "what was said is believed for seconds"
    assert await conn.fetchval("SELECT count(*) FROM payments") == 0


async def test_a_page_goes_on_asking_while_stripe_is_away(deaf, sandbox, urls, monkeypatch):
    monkeypatch.setattr("hingecraft.payments.returning_payers._WITHIN", 0.5)
    session = await pay_through(sandbox, urls["USD"], "25")
    await sandbox.fault("timeout_before", path="checkout/sessions", seconds=30)
    status, answer = await deaf.call("GET", f"/payments/{session}")
    assert (status, answer["code"]) == (502, "provider_unavailable")
    await sandbox.ask("DELETE", "/_sandbox/switches")
    deaf.pod.parts[Returning]._answers.clear()
    assert (await asked(deaf, session))[1]["status"] == "completed"
