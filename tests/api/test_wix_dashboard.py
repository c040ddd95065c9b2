"""The calls of the owner's dashboard: who may call, what is answered, and what is rejected."""

from __future__ import annotations

from uuid import uuid4

import pytest

from support import wix
from support.pods import running_pod

SITE = uuid4()
READS = ("overview", "payments", "routes", "stream", f"payments/{uuid4()}")


@pytest.fixture
async def pod(dsn):
    async with running_pod(dsn, **wix.settings(), wix_owner_instances=[str(SITE)]) as pod:
        yield pod


async def ask(pod, path, method="GET", headers=None, **options):
    return await pod.call(method, f"/api/v1/wix/{path}", headers=headers or wix.owner(SITE), **options)


async def test_another_sites_owner_sees_nothing(pod):
    for path in READS:
        assert await wix.code_of(pod, wix.owner(uuid4()), path=f"/api/v1/wix/{path}") == "403 not_owner"
    for path in (f"payments/{uuid4()}/refunds", "routes/pin", "routes/currencies/EUR", "routes/providers/stripe"):
        assert (await ask(pod, path, "POST", wix.owner(uuid4()), json={}))[1]["code"] == "not_owner"


async def test_an_empty_backend_answers_everything(pod):
    status, answer = await ask(pod, "overview?zone=Asia/Kathmandu")
    assert status == 200, answer
    data = answer["data"]
    assert (data["zone"], data["mode"], data["days"]) == ("Asia/Kathmandu", "live", [])
    assert data["current"]["payments"]["successRate"] is None
    status, answer = await ask(pod, "payments")
    assert (status, answer["data"]) == (200, {"items": [], "nextCursor": None})
    status, answer = await ask(pod, "routes")
    assert status == 200, answer
    assert answer["data"]["version"]["version"] >= 1
