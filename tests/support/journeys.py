"""Scenarios of donors and providers for the second part of the crash matrix, and the state that all must end in."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, ClassVar

import aiohttp

from hingecraft_sandbox.providers.webhooks import nowpayments_headers, stripe_headers
from support.money import IPN_SECRET, STRIPE_SECRET, all_processed
from support.stage import GENERATE, Stage

OTHER = "/mission-support/other"
EMAIL, REFUSED_EMAIL = "alex@example.com", "alex..example@example.com"
ENDPOINT = """
INSERT INTO webhook_endpoints (name, url, events)
VALUES ('site', 'http://127.0.0.1:9', '{payment.completed,payment.failed,payment.refunded}')
"""
PAYMENT_IDS = "SELECT id FROM payments"
EVENT_IDS = "SELECT event_id FROM provider_events"
PREFILL_IDS = 'SELECT "_id" FROM "ContributionIntent"'
PAYMENTS = """
SELECT p.status, p.provider, p.amount, p.intent_id IS NOT NULL AS prefilled,
    ARRAY(SELECT concat_ws(' ', kind, amount, currency, usd_amount) FROM settlements WHERE payment_id = p.id
          ORDER BY 1) AS settlements,
    ARRAY(SELECT concat_ws(' ', provider, status) FROM external_payments WHERE payment_id = p.id ORDER BY 1)
        AS checkouts,
    ARRAY(SELECT concat_ws(' ', action, details ->> 'emailRefused') FROM payment_audit WHERE payment_id = p.id
          ORDER BY 1) AS history,
    ARRAY(SELECT type FROM outbox WHERE data ->> 'paymentId' = p.id::text ORDER BY 1) AS told
FROM payments p WHERE id <> ALL ($1::uuid[]) ORDER BY 1, 2, 3, 4
"""
EVENTS = """
SELECT source, type, processed_at IS NOT NULL AS processed, ignored_because, payment_id IS NOT NULL AS known
FROM provider_events WHERE event_id <> ALL ($1::text[]) ORDER BY source, type, ignored_because
"""
TOLD = "SELECT source, body FROM provider_events WHERE event_id <> ALL ($1::text[]) ORDER BY received_at DESC"
PREFILLS = """
SELECT used, amount_entered, user_info FROM "ContributionIntent" WHERE "_id" <> ALL ($1::text[])
"""
TOTALS = """
SELECT coalesce(sum(amount), 0) AS amount, coalesce(sum(usd_amount), 0) AS usd, coalesce(sum(charges), 0) AS charges
FROM settlement_totals
"""
# Events that come from now on wait, and then become due together.
DEFER = "ALTER TABLE provider_events ALTER next_attempt_at SET DEFAULT 'infinity'"
NOT_DEFER = "ALTER TABLE provider_events ALTER next_attempt_at SET DEFAULT now()"
DEFERRED = "SELECT count(*) FROM provider_events WHERE next_attempt_at = 'infinity'"
NOW = "UPDATE provider_events SET next_attempt_at = now() WHERE next_attempt_at = 'infinity'"
CLAIMS = "SELECT count(DISTINCT xmin::text) FROM provider_events WHERE processed_at IS NULL"


class Journey:
    """Many runs on one stage: each begins payments of its own, and what it leaves is told from what was there."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._begun: list[asyncio.Task[None]] = []

    async def new_run(self) -> None:
        self.run = uuid.uuid4().hex
        conn = self.stage.conn
        self._payments = [row[0] for row in await conn.fetch(PAYMENT_IDS)]
        self._events = [row[0] for row in await conn.fetch(EVENT_IDS)]
        self._prefills = [row[0] for row in await conn.fetch(PREFILL_IDS)]
        self._totals = await conn.fetchrow(TOTALS)

    async def prepare(self) -> None:
        """Set up the state before the scenario."""

    async def begin(self) -> None:
        """Start the call in which the process is killed."""
        raise NotImplementedError

    async def check_held(self) -> None:
        """Whether what is held is what is meant to be."""

    async def done(self) -> bool:
        raise NotImplementedError

    async def repeat(self) -> None:
        """The donor's repeated request."""

    async def finish(self) -> None:
        """Steps that follow in any case."""

    async def end(self) -> None:
        await asyncio.gather(*self._begun, return_exceptions=True)

    async def tell_again(self) -> None:
        """Every event of this run, late: the newest first."""
        async with aiohttp.ClientSession() as client:
            for row in await self.stage.conn.fetch(TOLD, self._events):
                body = row["body"]
                stripe = row["source"] == "stripe"
                headers = (
                    stripe_headers(STRIPE_SECRET, body) if stripe else nowpayments_headers(IPN_SECRET, json.loads(body))
                )
                url = f"{self.stage.api.public}/webhooks/{row['source']}"
                async with client.post(url, data=body, headers=headers) as response:
                    assert response.status == 200, await response.text()

    async def left(self) -> dict[str, Any]:
        """All that is the same whenever the same was done once."""
        conn = self.stage.conn
        await all_processed(conn, at_least=0)
        totals = await conn.fetchrow(TOTALS)
        assert totals is not None
        assert self._totals is not None
        known = {str(name) for name in self._payments}
        sessions = (await self.stage.sandbox.stripe("checkout/sessions?limit=100"))["data"]
        return {
            "payments": [dict(row) for row in await conn.fetch(PAYMENTS, self._payments)],
            "events": [dict(row) for row in await conn.fetch(EVENTS, self._events)],
            "prefills": [dict(row) for row in await conn.fetch(PREFILLS, self._prefills)],
            "totals": [now - before for now, before in zip(totals.values(), self._totals.values(), strict=True)],
            "sessions": sorted(
                (each["payment_status"], each["customer_email"] or "")
                for each in sessions
                if each["client_reference_id"] and each["client_reference_id"] not in known
            ),
        }

    # What donors do.

    async def call(self, method: str, path: str, key: str = "", **options: Any) -> tuple[int, dict[str, Any]]:
        headers = {"Idempotency-Key": f"{self.run}-{key}"} if key else options.pop("headers", {})
        async with (
            aiohttp.ClientSession() as client,
            client.request(method, self.stage.api.public + path, headers=headers, **options) as response,
        ):
            return response.status, await response.json()

    async def create(self, path: str, key: str, **body: Any) -> dict[str, Any]:
        status, answer = await self.call("POST", path, key, json=body)
        assert status == 200, answer
        found: dict[str, Any] = answer["data"]
        return found

    async def twice(self, path: str, key: str, **body: Any) -> dict[str, Any]:
        """Two at once, under one key; both get the same answer."""
        first, second = await asyncio.gather(*(self.create(path, key, **body) for _ in range(2)))
        assert first == second
        return first


class Told(Journey):
    """A provider reports payments."""

    gifts: ClassVar[Sequence[dict[str, Any]]]
    # So many events come for each of them.
    events = 3
    # Whether nothing is claimed before all of them have come.
    together = False

    async def prepare(self) -> None:
        self.given = [await self.create(GENERATE, f"gift-{number}", **gift) for number, gift in enumerate(self.gifts)]

    async def begin(self) -> None:
        if not self.together:
            return await self.pay()
        await self.stage.conn.execute(DEFER)
        await self.pay()
        await self.stage.until(self._all_deferred)
        await self.stage.conn.execute(NOT_DEFER)
        await self.stage.conn.execute(NOW)
        return None

    async def pay(self) -> None:
        for each in self.given:
            await self.stage.pay(each["paymentId"])

    async def _all_deferred(self) -> bool:
        return await self.stage.count(DEFERRED) == len(self.gifts) * self.events

    async def done(self) -> bool:
        found = await self.stage.conn.fetch(EVENTS, self._events)
        return len(found) == len(self.gifts) * self.events and all(row["processed"] for row in found)

    async def finish(self) -> None:
        """The provider repeats the messages that nobody accepted."""
        await self.stage.until(self._done_with_all)

    async def _done_with_all(self) -> bool:
        await all_processed(self.stage.conn, at_least=0)
        return await self.done()


class Together(Told):
    gifts = tuple({"amount": amount, "currency": "USD"} for amount in (5, 20, 300))
    together = True

    async def check_held(self) -> None:
        assert await self.stage.count(CLAIMS) == 1, "all of them were claimed together"


class Asking(Told):
    gifts = ({"amount": "12.50", "currency": "EUR"},)


class Ipn(Told):
    """Asked about when everything has come, so that the first answer books it."""

    gifts = ({"amount": 25, "currency": "BTC"},)
    events = 5
    together = True

    async def pay(self) -> None:
        await self.stage.sandbox.coins(self.given[0]["url"], "pay")


class Asked(Journey):
    """A donor asks for something, and asks again when no answer comes."""

    async def ask(self) -> None:
        raise NotImplementedError

    async def begin(self) -> None:
        async def asking() -> None:
            with suppress(aiohttp.ClientError, TimeoutError):
                await self.ask()

        self.asking = asyncio.create_task(asking())
        self._begun.append(self.asking)

    async def done(self) -> bool:
        if self.asking.done():
            self.asking.result()
        return self.asking.done()


class PrefillMade(Asked):
    form: ClassVar[dict[str, Any]] = {"amount": "37.50", "userInfo": {"email": EMAIL}}

    async def ask(self) -> None:
        self.prefill = (await self.create(OTHER, "the-form-of-a-donor", **self.form))["prefillId"]
        await self.read()

    async def read(self) -> None:
        mine = {"X-HC-Page-Load": str(uuid.UUID(self.run))}
        assert (await self.call("GET", f"/prefill/{self.prefill}", headers=mine))[1]["data"]["amount"] == 37.5

    async def check_out(self) -> None:
        gift = {"amount": "37.50", "currency": "USD", "prefillId": self.prefill}
        self.mine = (await self.twice(GENERATE, "the-gift-of-a-donor", **gift))["paymentId"]

    async def repeat(self) -> None:
        self.prefill = (await self.twice(OTHER, "the-form-of-a-donor", **self.form))["prefillId"]
        await asyncio.gather(self.read(), self.read())

    async def finish(self) -> None:
        """The donor gives. The prefill shows nothing to anyone else who has its address."""
        await self.check_out()
        others = {"X-HC-Page-Load": str(uuid.uuid4())}
        assert (await self.call("GET", f"/prefill/{self.prefill}", headers=others))[0] == 410
        await self.create(GENERATE, "the-gift-of-others", amount="37.50", currency="USD", prefillId=self.prefill)
        await self.stage.pay(self.mine)
        await self.stage.until(self.paid)

    async def paid(self) -> bool:
        return len(await self.stage.conn.fetch(EVENTS, self._events)) == Told.events


class PrefillCheckout(PrefillMade):
    async def prepare(self) -> None:
        await super().ask()

    async def ask(self) -> None:
        gift = {"amount": "37.50", "currency": "USD", "prefillId": self.prefill}
        await self.create(GENERATE, "the-gift-of-a-donor", **gift)

    async def repeat(self) -> None:
        await self.check_out()


class RefusedEmail(Asked):
    gift: ClassVar[dict[str, Any]] = {"amount": 20, "currency": "USD", "email": REFUSED_EMAIL}

    async def ask(self) -> None:
        await self.create(GENERATE, "the-gift-of-a-donor", **self.gift)

    async def repeat(self) -> None:
        await self.stage.reconcile()

    async def finish(self) -> None:
        mine = (await self.twice(GENERATE, "the-gift-of-a-donor", **self.gift))["paymentId"]
        await self.stage.pay(mine)
        await self.stage.until(self.paid)

    async def paid(self) -> bool:
        return len(await self.stage.conn.fetch(EVENTS, self._events)) == Told.events


JOURNEYS: dict[str, type[Journey]] = {
    "events of three payments, applied together": Together,
    "event that needs a question": Asking,
    "IPN": Ipn,
    "prefill, made and read": PrefillMade,
    "prefill, its checkout": PrefillCheckout,
    "e-mail address that Stripe refuses": RefusedEmail,
}
