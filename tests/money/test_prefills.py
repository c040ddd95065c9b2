"""Prefills are read once, however many try."""

from __future__ import annotations

import asyncio
import re
import uuid

import pytest

OTHER = "/mission-support/other"


@pytest.fixture
async def prefill(pod) -> str:
    _, answer = await pod.call("POST", OTHER, json={"amount": "37.50"})
    return answer["data"]["prefillId"]


async def test_ids_cannot_be_guessed(pod, prefill):
    answers = [await pod.call("POST", OTHER, json={"amount": "37.50"}) for _ in range(9)]
    ids = [prefill, *(answer["data"]["prefillId"] for _, answer in answers)]
    assert all(re.fullmatch(r"prefill_\d{13}_[0-9a-f]{32}", each) for each in ids)
    # 128 random bits: no two share a part, as counters and clocks do.
    parts = [each[-32:][begin : begin + 8] for each in ids for begin in (0, 8, 16, 24)]
    assert len(set(parts)) == len(parts)


@pytest.mark.usefixtures("patient")
async def test_exactly_one_of_many_readers_wins(pod, prefill):
    answers = await asyncio.gather(*(pod.call("GET", f"/prefill/{prefill}") for _ in range(40)))
    won = [answer for status, answer in answers if status == 200]
    assert [answer["data"] for answer in won] == [{"amount": 37.5, "source": "mission_support_other"}]
    assert {status for status, _ in answers} == {200, 410}


async def test_amounts_are_the_decimals_that_they_are(pod, prefill):
    async with pod.client.get(f"{pod.public}/prefill/{prefill}") as response:
        assert '"amount":37.5,' in await response.text()
        assert response.headers["Cache-Control"] == "no-store"


async def test_looking_does_not_consume(pod, prefill):
    for _ in range(3):
        async with pod.client.head(f"{pod.public}/prefill/{prefill}") as response:
            assert response.status == 200
    assert (await pod.call("GET", f"/prefill/{prefill}"))[0] == 200


async def look(pod, name, **headers):
    async with pod.client.head(f"{pod.public}/prefill/{name}", headers=headers) as response:
        return response.status


async def test_looking_at_what_is_gone_says_so_like_reading(pod, prefill, conn):
    assert await look(pod, "prefill_1_unknown") == 410
    mine = {"X-HC-Page-Load": str(uuid.uuid4())}
    await pod.call("GET", f"/prefill/{prefill}", headers=mine)
    assert await look(pod, prefill) == 410
    assert await look(pod, prefill, **mine) == 200
    await conn.execute("UPDATE \"ContributionIntent\" SET used = false, expires_at = now() - interval '1 s'")
    assert await look(pod, prefill) == 410


async def test_the_same_page_load_gets_the_same_answer_for_a_minute(pod, prefill, conn):
    mine, others = ({"X-HC-Page-Load": str(uuid.uuid4())} for _ in range(2))
    first = await pod.call("GET", f"/prefill/{prefill}", headers=mine)
    assert first[0] == 200
    assert await pod.call("GET", f"/prefill/{prefill}", headers=mine) == first
    assert (await pod.call("GET", f"/prefill/{prefill}", headers=others))[0] == 410
    assert (await pod.call("GET", f"/prefill/{prefill}"))[0] == 410
    await conn.execute("UPDATE \"ContributionIntent\" SET used_at = now() - interval '61 s'")
    assert (await pod.call("GET", f"/prefill/{prefill}", headers=mine))[0] == 410


async def test_a_page_load_must_be_one(pod, prefill):
    status, answer = await pod.call("GET", f"/prefill/{prefill}", headers={"X-HC-Page-Load": "mine"})
    assert (status, answer["code"]) == (400, "invalid_page_load")
    assert (await pod.call("GET", f"/prefill/{prefill}"))[0] == 200


async def test_expired_and_unknown_ones_are_gone(pod, prefill, conn):
    await conn.execute("UPDATE \"ContributionIntent\" SET expires_at = now() - interval '1 s'")
    for name in (prefill, "prefill_1_unknown", "..", "%00"):
        status, answer = await pod.call("GET", f"/prefill/{name}")
        assert status in {400, 404, 410}, answer


async def test_a_used_prefill_still_links_a_payment(pod, prefill, conn):
    await pod.call("GET", f"/prefill/{prefill}")
    body = {"amount": "37.5", "currency": "USD", "prefillId": prefill}
    status, _ = await pod.call("POST", "/charter/generate-payment", json=body)
    assert status == 200
    assert await conn.fetchval("SELECT intent_id FROM payments") == prefill


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"amount": 0}, "amount"), ({}, "amount"), ({"amount": 5, "userInfo": {"email": "x"}}, "userInfo.email"),
        ({"amount": 5, "userInfo": {"phone": "1"}}, "userInfo.phone"), ({"amount": 5, "userInfo": []}, "userInfo"),
        ({"amount": 5, "userInfo": {"name": ""}}, "userInfo.name"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_named(pod, body, field):
    status, answer = await pod.call("POST", OTHER, json=body)
    assert (status, list(answer["fields"])) == (400, [field])
