"""A system that core and the API do not know: its endpoints, its source and its purpose are registered here."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry

from hingecraft import audit
from hingecraft.donations.purpose import DONATIONS
from hingecraft.identity.principal import Kind
from hingecraft.inbox.handlers import Applied, Handler, Registration
from hingecraft.inbox.model import InboundEvent
from hingecraft.inbox.webhook import Webhook
from hingecraft.payments.purpose import Purposes
from hingecraft.settings import DsnSecret, Secret
from hingecraft_api.access.limits import Limit
from hingecraft_api.app import build_pod, works_of
from hingecraft_api.feature import Feature
from hingecraft_api.handlers.webhooks import endpoint_for
from hingecraft_api.systems import FEATURES
from hingecraft_api.web.endpoint import Endpoint
from support.limits import PROGRESS
from support.money import send_stripe, status_of, stripe_event
from support.pods import ADMIN, running_pod, settings_of

SECRET = b"the school's secret"
BOUGHT = """
WITH payment AS (
    INSERT INTO payments (id, amount, currency, price_currency, status, provider, source, livemode, purpose)
    VALUES ($1, 5, 'USD', 'USD', 'pending', 'stripe', 'school', false, 'lessons') RETURNING id
)
INSERT INTO external_payments (payment_id, gateway, provider, provider_id, currency, amount, status, kind, request,
                               idempotency_key, livemode)
SELECT id, 'stripe', 'stripe', 'cs_test_' || id, 'USD', 5, 'pending', 'single', '{}', id::text, false FROM payment
"""


class Lessons:
    """The purpose: each charge grants a lesson."""

    name = "lessons"
    description = "Lessons"

    async def moved(self, conn, moves):
        for each in moves:
            await audit.append(
                conn, actor="school", action="granted", request_id=each.cause.request_id, payment_id=each.after.id
            )


class Timetable:
    """The part that the endpoints and the works of this system share."""

    def __init__(self):
        self.lessons = []
        self.rung = asyncio.Event()
        self.closed = False

    async def ring(self):
        self.rung.set()
        await asyncio.Event().wait()

    async def close(self):
        self.closed = True


class Planned(Handler):
    """Takes the school's events."""

    def __init__(self, timetable):
        self.timetable = timetable

    async def apply(self, conn, event, reading):
        text = reading.content["lesson"]
        await audit.append(conn, actor="school", action="planned", request_id=event.event_id, text=text)
        return Applied(report=lambda: self.timetable.lessons.append(text))


def signed(body):
    return hmac.new(SECRET, body, hashlib.sha256).hexdigest()


SCHOOL_WEBHOOK = Webhook(
    source="school",
    header="X-School-Signature",
    plausible=lambda header, _now: len(header) == 64,
    genuine=lambda _secrets, header, body, _now: hmac.compare_digest(header, signed(body)),
    event=lambda body: InboundEvent(source="school", event_id=json.loads(body)["id"], type="planned", body=body),
    usual=1024,
    largest=2048,
)


async def get_lessons(call):
    return {"lessons": call.pod.parts[Timetable].lessons}


SCHOOL = Feature(
    endpoints=[
        Endpoint(method="GET", path="/lessons", handler=get_lessons, summary="List lessons", tag="Operations"),
        endpoint_for(
            SCHOOL_WEBHOOK, "/webhooks/school", lambda _settings: Secret(SECRET.decode()), "Plan a lesson", "Plans it.",
            {"type": "object", "examples": [{"id": "plan_1", "lesson": "piano"}]},
        ),
    ],
    internal=[
        Endpoint(
            method="GET", path="/internal/lessons", handler=get_lessons, summary="List lessons", tag="Internal",
            access=(Kind.ADMIN,), limit=Limit.NONE,
        )
    ],
    parts=lambda _pod: [Timetable()],
    events=lambda pod: [Registration(source="school", handler=Planned(pod.parts[Timetable]))],
    works=lambda pod: {"ringing the bell": pod.parts[Timetable].ring},
)  # fmt: skip
WITH_SCHOOL = [*FEATURES, SCHOOL]


@pytest.fixture
async def pod(dsn, sandbox):
    purposes = Purposes([Lessons()], unasked=DONATIONS)
    async with running_pod(dsn, features=WITH_SCHOOL, purposes=purposes, **sandbox.settings) as pod:
        yield pod


async def test_its_endpoints_answer_on_both_ports_and_stand_in_the_reference(pod):
    assert await pod.call("GET", "/lessons") == (200, {"success": True, "data": {"lessons": []}})
    async with pod.client.get(pod.internal + "/internal/lessons", headers=ADMIN) as response:
        assert response.status == 200
    assert {"/lessons", "/webhooks/school", "/routes"} <= (await pod.call("GET", "/openapi.json"))[1]["paths"].keys()


async def test_its_events_are_verified_stored_and_applied_once(pod, conn):
    body = json.dumps({"id": "plan_1", "lesson": "piano"}).encode()
    for signature, status in ((signed(body), 200), (signed(body), 200), ("0" * 64, 400)):
        headers = {"X-School-Signature": signature}
        async with pod.client.post(pod.public + "/webhooks/school", data=body, headers=headers) as response:
            assert response.status == status
    async with asyncio.timeout(PROGRESS):
        while not pod.pod.parts[Timetable].lessons:
            await asyncio.sleep(0.01)
    assert (await pod.call("GET", "/lessons"))[1]["data"] == {"lessons": ["piano"]}
    assert await conn.fetchval("SELECT count(*) FROM payment_audit WHERE action = 'planned'") == 1


async def test_its_purpose_is_called_when_its_money_arrives(pod, conn):
    payment = str(uuid4())
    await conn.execute(BOUGHT, payment)
    session = {
        "id": f"cs_test_{payment}", "object": "checkout.session", "mode": "payment", "livemode": False,
        "currency": "usd", "amount_total": 500, "amount_subtotal": 500, "status": "complete", "payment_status": "paid",
        "payment_intent": f"pi_{payment}", "payment_link": None, "client_reference_id": payment,
        "metadata": {"payment_id": payment},
    }  # fmt: skip
    assert (await send_stripe(pod, stripe_event("checkout.session.completed", session)))[0] == 200
    async with asyncio.timeout(PROGRESS):
        while await status_of(conn, payment) != "completed":
            await asyncio.sleep(0.01)
    granted = await conn.fetch("SELECT payment_id::text FROM payment_audit WHERE action = 'granted'")
    assert [row["payment_id"] for row in granted] == [payment]


async def test_its_work_runs_and_what_it_holds_is_closed_with_the_pod(dsn, sandbox):
    async with running_pod(dsn, features=WITH_SCHOOL, **sandbox.settings) as pod:
        timetable = pod.pod.parts[Timetable]
        async with asyncio.timeout(PROGRESS):
            await timetable.rung.wait()
        assert not timetable.closed
    assert timetable.closed


async def test_two_features_cannot_add_parts_of_one_type(dsn):
    with pytest.raises(ValueError, match="two features add a Timetable"):
        async with running_pod(dsn, features=[SCHOOL, Feature(parts=SCHOOL.parts)]):
            pass


def test_two_features_cannot_give_works_the_same_name():
    features = [SCHOOL, Feature(works=SCHOOL.works)]
    settings = settings_of(DsnSecret("postgresql://127.0.0.1/none"))
    pod = build_pod(settings, CollectorRegistry(), features=[SCHOOL])
    with pytest.raises(ValueError, match="two features name a work 'ringing the bell'"):
        works_of(pod, features)
