"""Each cell of docs/crash-matrix.md, with real processes: afterwards our books equal the provider's."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest

from support.crash import CELLS, PATHS, Fault
from support.money import all_processed, becomes
from support.stage import GENERATE, MICRO, Stage


class Scene:
    """One money path: what comes before, what begins it, when it is over, and what a donor does afterwards."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.payment = ""

    @property
    def process(self):
        return self.stage.api

    async def prepare(self) -> None:
        pass

    async def begin(self) -> None:
        raise NotImplementedError

    async def done(self) -> bool:
        return await self.stage.count("SELECT count(*) FROM payments WHERE status = 'completed'") > 0

    async def given_up(self) -> bool:
        """Whether the process has stopped waiting for a provider that says nothing."""
        return await self.stage.count("SELECT count(error) FROM provider_events WHERE attempts > 0") > 0

    async def afterwards(self) -> None:
        pass


class Checkout(Scene):
    async def begin(self):
        self.stage.ask(MICRO, {"amount": 5})

    async def done(self):
        return await self.stage.count("SELECT count(status) FROM idempotency_keys") > 0

    async def given_up(self):
        return await self.stage.count("SELECT count(*) FROM payments WHERE status = 'unknown'") > 0

    async def afterwards(self):
        """The donor's page sends the same request again, and the donor pays."""
        answer = await self.stage.give(MICRO, {"amount": 5})
        await self.stage.pay(answer["paymentId"])


class Webhook(Scene):
    body: ClassVar[dict[str, Any]] = {"amount": 5, "currency": "USD"}

    async def prepare(self):
        self.payment = (await self.stage.give(GENERATE, self.body))["paymentId"]

    async def begin(self):
        await self.stage.pay(self.payment)


class AskingWebhook(Webhook):
    body: ClassVar[dict[str, Any]] = {"amount": "12.50", "currency": "EUR"}


class LateValue(AskingWebhook):
    """The payment is completed; what it is worth is said afterwards."""

    async def prepare(self):
        await self.stage.sandbox.values_late()
        await super().prepare()
        await self.stage.pay(self.payment)
        await becomes(self.stage.conn, self.payment, "completed")
        await all_processed(self.stage.conn, at_least=3)
        # Looked up before the process is held where it does the same.
        (self.session,) = await self.stage.sandbox.sessions(self.payment)

    async def begin(self):
        await self.stage.sandbox.act(self.session["id"], "value")

    async def done(self):
        return await self.stage.count("SELECT count(usd_amount) FROM settlements") > 0


class Ipn(Webhook):
    body: ClassVar[dict[str, Any]] = {"amount": 25, "currency": "BTC"}

    async def prepare(self):
        self.given = await self.stage.give(GENERATE, self.body)

    async def begin(self):
        """The whole of it, and something in another coin to the same address."""
        await self.stage.sandbox.coins(self.given["url"], "pay", "wrong_asset")


class Refund(Webhook):
    async def prepare(self):
        await super().prepare()
        await self.stage.pay(self.payment)
        await becomes(self.stage.conn, self.payment, "completed")
        await all_processed(self.stage.conn, at_least=3)

    async def begin(self):
        await self.stage.pay(self.payment, "refund_half")

    async def done(self):
        return await self.stage.count("SELECT count(*) FROM settlements WHERE kind = 'refund'") > 0


class Dispute(Refund):
    async def begin(self):
        await self.stage.pay(self.payment, "dispute")

    async def done(self):
        return await self.stage.count("SELECT count(*) FROM settlements WHERE kind = 'dispute'") > 0


class Job(Scene):
    """`hingecraft reconcile` by itself, without a pod that could do the work first."""

    @property
    def process(self):
        return self.stage.job

    async def begin(self):
        await self.stage.job.start()

    async def given_up(self):
        return not self.stage.job.running


class Recovery(Job):
    async def prepare(self):
        create = PATHS["checkout"][1]
        await self.stage.hang(create, "timeout_before")
        self.stage.ask(MICRO, {"amount": 5})
        await self.stage.until(self.stage.hangs)
        await self.stage.api.kill()
        await self.stage.recover_provider()
        await self.stage.time_passes()

    async def done(self):
        return await self.stage.count("SELECT count(*) FROM payments WHERE status = 'pending'") > 0

    async def afterwards(self):
        """Found by the same key, also for another caller."""
        answer = await self.stage.give(MICRO, {"amount": 5})
        await self.stage.pay(answer["paymentId"])


class ByEvents(Job):
    async def prepare(self):
        await self.stage.sandbox.tells(self.stage.api.public, enabled=False)
        given = await self.stage.give(GENERATE, {"amount": 5, "currency": "USD"})
        await self.stage.pay(given["paymentId"])
        await self.stage.api.kill()


class ByAsking(Job):
    async def prepare(self):
        """The events are lost for good: Stripe keeps them for thirty days, and forgets them."""
        await self.stage.sandbox.tells(self.stage.api.public, enabled=False)
        given = await self.stage.give(GENERATE, {"amount": "12.50", "currency": "EUR"})
        await self.stage.pay(given["paymentId"])
        await self.stage.sandbox.ask("DELETE", "/_sandbox/book/events")
        await self.stage.api.kill()


class LinkPayment(Scene):
    async def prepare(self):
        await self.stage.reconcile()

    async def begin(self):
        await self.stage.pay_through_link("EUR")


class KeepingLinks(Job):
    async def prepare(self):
        await self.stage.api.kill()

    async def done(self):
        return await self.stage.count("SELECT count(*) FROM external_payments WHERE kind = 'standing'") == 2

    async def afterwards(self):
        """The next run goes on where the first broke off, and a donor gives."""
        await self.stage.reconcile()
        await self.stage.pay_through_link("USD")
        links = (await self.stage.sandbox.stripe("payment_links?limit=100"))["data"]
        assert len(links) == 2, "each was made once"


SCENES: dict[str, type[Scene]] = {
    "checkout": Checkout,
    "webhook": Webhook,
    "webhook that needs a question": AskingWebhook,
    "value that comes later": LateValue,
    "IPN": Ipn,
    "refund": Refund,
    "dispute": Dispute,
    "recovery": Recovery,
    "reconciliation, by events": ByEvents,
    "reconciliation, by asking": ByAsking,
    "payment through a standing link": LinkPayment,
    "reconciliation, keeping links": KeepingLinks,
}


async def to_the_step(scene, path, index):
    """Begin, and come to just before the step; the process is held there."""
    stage, step = scene.stage, PATHS[path][index]
    if step.call is not None:
        await stage.hang(step, "timeout_before")
        await scene.begin()
        await stage.until(stage.hangs)
        return
    early = [each.table for each in PATHS[path][:index]]
    if step.table in early or step.table == "idempotency_keys" or step.needed_early:
        # The table was needed before: it is locked while the process waits for the provider.
        await stage.hold(next(each for each in reversed(PATHS[path][:index]) if each.call))
        await scene.begin()
        await stage.until(stage.hangs)
        await stage.lock(step.table)
        await stage.let_go()
    else:
        await stage.lock(step.table)
        await scene.begin()
    await stage.until(stage.waits)


async def past_the_step(scene, path, index):
    """Begin, and come to just after the step: before the next one, or to the end."""
    stage, steps = scene.stage, PATHS[path]
    if steps[index].call is not None:
        await stage.hang(steps[index], "timeout_after")
        await scene.begin()
        await stage.until(stage.hangs)
    elif index + 1 < len(steps):
        await to_the_step(scene, path, index + 1)
    else:
        await scene.begin()
        await stage.until(scene.done)


async def let_it_happen(scene, path, index, fault):
    stage = scene.stage
    if fault in {Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER}:
        await stage.hang(PATHS[path][index], "timeout_before" if fault is Fault.TIMEOUT_BEFORE else "timeout_after")
        await scene.begin()
        await stage.until(scene.given_up)
    elif fault is Fault.DATABASE_LOST:
        await to_the_step(scene, path, index)
        await stage.lose_database()
    else:
        await (to_the_step if fault is Fault.KILL_BEFORE else past_the_step)(scene, path, index)
        if scene.process.running:
            await scene.process.kill()


@pytest.mark.parametrize(("path", "step", "fault"), CELLS, ids=lambda part: str(part).replace(" ", "-"))
async def test_a_cell(stage, path, step, fault):
    index = [each.name for each in PATHS[path]].index(step)
    scene = SCENES[path](stage)
    await scene.prepare()
    await let_it_happen(scene, path, index, fault)
    await stage.recover()
    await scene.afterwards()
    await stage.settle()
    await stage.compare()
    await every_payment_explains_itself(stage)


async def every_payment_explains_itself(stage):
    rows = await stage.conn.fetch(
        "SELECT p.id, p.status, p.source, array_agg(a.action ORDER BY a.id) AS actions, json_agg(a.details) AS details "
        "FROM payments p JOIN payment_audit a ON a.payment_id = p.id GROUP BY p.id"
    )
    assert len(rows) == await stage.count("SELECT count(*) FROM payments")
    for row in rows:
        first = "event_applied" if row["source"] == "standing_link" else "payment_opened"
        assert row["actions"][0] == first
        if row["status"] not in {"pending", "failed"}:
            assert row["status"] in {each.get("to") for each in json.loads(row["details"])}
