"""Webhooks to the site, as the reference describes them."""

from __future__ import annotations

import json

import jsonschema_rs

from hingecraft.outbox.model import PAYMENT_EVENTS, ROUTES_UPDATED
from hingecraft_api.app import PUBLIC_ENDPOINTS
from hingecraft_api.reference.openapi import document_of
from support.money import becomes, completes, give
from support.pods import ADMIN


async def test_every_event_is_as_the_reference_describes_it(pod, sandbox, conn):
    await conn.execute(
        "INSERT INTO webhook_endpoints (name, url, events) VALUES ('site', 'http://127.0.0.1:9', $1)",
        [ROUTES_UPDATED, *PAYMENT_EVENTS],
    )
    payment = await completes(pod, sandbox, conn, amount="37.50", currency="EUR")
    (session,) = await sandbox.sessions(payment)
    for act, status in (("refund_half", "partially_refunded"), ("refund", "refunded")):
        await sandbox.act(session["id"], act)
        await becomes(conn, payment, status)
    given = await give(pod, amount=5)
    (session,) = await sandbox.sessions(given["paymentId"])
    await sandbox.act(session["id"], "expire")
    await becomes(conn, given["paymentId"], "expired")
    await conn.execute("UPDATE currencies SET enabled = false WHERE code = 'CHF'")
    assert (await pod.call("POST", "/admin/refresh", headers=ADMIN))[1]["data"]["changed"]
    told = [(row["type"], json.loads(row["data"])) for row in await conn.fetch("SELECT type, data FROM outbox")]
    assert {kind for kind, _ in told} == {ROUTES_UPDATED, *PAYMENT_EVENTS}
    assert {data.get("status") for _, data in told} == {None, "completed", "partially_refunded", "refunded", "expired"}
    document = document_of(PUBLIC_ENDPOINTS)
    for kind, data in told:
        body = document["webhooks"][kind]["post"]["requestBody"]["content"]["application/json"]["schema"]
        schema = {**body["properties"]["data"], "components": document["components"]}
        jsonschema_rs.validator_for(schema, validate_formats=True).validate(data)
        described = document["components"]["schemas"][body["properties"]["data"]["$ref"].rpartition("/")[2]]
        assert set(data) == set(described["properties"]), kind
