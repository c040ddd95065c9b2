from __future__ import annotations

import asyncio

import pytest

from support.limits import PROGRESS
from support.pods import ADMIN

LINK = "INSERT INTO external_payments (gateway, currency, provider_url) VALUES ('stripe', 'usd', $1)"
CALLS = [
    ("POST", "/admin/refresh"), ("GET", "/admin/routes/versions"), ("POST", "/admin/routes/pin"),
    ("GET", "/admin/policy"), ("PATCH", "/admin/policy"), ("GET", "/admin/routes/problems"),
    ("POST", "/admin/settlements/x/correct"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer "}, {"Authorization": "test-admin-token"},
     {"X-Admin-Token": "wrong-é"}, {"X-Admin-Token": ""}],
)  # fmt: skip
async def test_without_the_token_nobody_comes_in(pod, method, path, headers):
    status, answer = await pod.call(method, path, headers=headers)
    assert (status, answer["code"]) == (401, "unauthorized")
    assert set(answer) == {"success", "error", "code", "requestId"}


async def test_refusals_are_counted_and_written_down_once_a_minute(pod, conn):
    for _ in range(20):
        await pod.call("GET", "/admin/policy")
    async with asyncio.timeout(PROGRESS):
        while not await conn.fetchval("SELECT count(*) FROM payment_audit"):
            await asyncio.sleep(0.01)
    row = await conn.fetchrow("SELECT count(*) AS rows, min(details ->> 'reason') AS reason FROM payment_audit")
    assert tuple(row) == (1, "admin_token")
    async with pod.client.get(pod.internal + "/metrics") as response:
        assert 'hingecraft_refused_signatures_total{kind="admin_token"} 20.0' in await response.text()


async def test_refresh_publishes_and_this_pod_serves_it_at_once(pod, conn):
    assert await pod.metric("hingecraft_routes_swaps_total") == 1
    await conn.execute(LINK, "https://buy.example/1")
    status, answer = await pod.call("POST", "/admin/refresh", headers=ADMIN)
    assert (status, answer["data"]) == (200, {"version": 2, "changed": True})
    _, served = await pod.call("GET", "/routes")
    assert served["data"]["routes"]["USD"]["url"] == "https://buy.example/1"
    _, answer = await pod.call("POST", "/admin/refresh", headers={"X-Admin-Token": "test-admin-token"})
    assert answer["data"] == {"version": 2, "changed": False}
    assert await pod.metric("hingecraft_routes_swaps_total") == 2


async def test_pin_and_unpin(pod, conn):
    await conn.execute(LINK, "https://buy.example/1")
    await pod.call("POST", "/admin/refresh", headers=ADMIN)
    status, answer = await pod.call("POST", "/admin/routes/pin", headers=ADMIN, json={"version": 1})
    assert (status, answer["data"]) == (200, {"version": 3, "pinVersion": 1, "changed": True})
    status, answer = await pod.call("POST", "/admin/routes/pin", headers=ADMIN, json={"version": 77})
    assert (status, answer["code"]) == (404, "unknown_version")
    status, answer = await pod.call("POST", "/admin/routes/pin", headers=ADMIN, json={"version": None})
    assert (status, answer["data"]) == (200, {"version": 4, "pinVersion": None, "changed": True})


async def test_the_policy_is_read_and_changed(pod, conn):
    change = {"providers": {"stripe": {"enabled": False}}, "publish": {"singleUseCheckouts": True}}
    status, answer = await pod.call("PATCH", "/admin/policy", headers=ADMIN, json=change)
    assert status == 200
    assert answer["data"] == {
        "providers": {"stripe": {"enabled": False}, "nowpayments": {"enabled": True}},
        "publish": {"singleUseCheckouts": True},
        "paused": False,
        "pinVersion": None,
        "managed": [],
    }
    _, answer = await pod.call("PATCH", "/admin/policy", headers=ADMIN, json={"paused": True})
    assert answer["data"]["paused"] is True
    status, answer = await pod.call("POST", "/admin/refresh", headers=ADMIN)
    assert (status, answer["code"]) == (409, "paused")
    await conn.execute("UPDATE route_policy SET managed = '{paused}'")
    status, answer = await pod.call("PATCH", "/admin/policy", headers=ADMIN, json={"paused": False})
    assert (status, answer["code"]) == (409, "managed_by_resource")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/admin/policy", {"paused": "yes"}, "paused"),
        ("/admin/policy", {"paused": 1}, "paused"),
        ("/admin/policy", {"providers": {"paypal": {"enabled": True}}}, "providers.paypal"),
        ("/admin/policy", {"providers": {"stripe": {}}}, "providers.stripe.enabled"),
        ("/admin/policy", {"publish": {"single_use_checkouts": True}}, "publish.single_use_checkouts"),
        ("/admin/policy", {"unknown": True}, "unknown"),
        ("/admin/routes/pin", {}, "version"),
        ("/admin/routes/pin", {"version": "1"}, "version"),
        ("/admin/routes/pin", {"version": 0}, "version"),
        ("/admin/routes/pin", {"version": -5}, "version"),
        ("/admin/routes/pin", {"version": 1.5}, "version"),
        ("/admin/routes/pin", {"version": 2**80}, "version"),
        ("/admin/routes/pin", {"version": True}, "version"),
    ],
)
async def test_each_wrong_field_is_named(pod, path, body, field):
    method = "PATCH" if path.endswith("policy") else "POST"
    status, answer = await pod.call(method, path, headers=ADMIN, json=body)
    assert (status, answer["code"]) == (400, "invalid_request")
    assert list(answer["fields"]) == [field]
    assert field in answer["error"]


@pytest.mark.parametrize("body", [{}, {"providers": {}}, {"publish": {"singleUseCheckouts": None}, "paused": None}])
async def test_a_change_of_nothing_changes_nothing(pod, conn, body):
    status, answer = await pod.call("PATCH", "/admin/policy", headers=ADMIN, json=body)
    assert (status, answer["data"]["paused"]) == (200, False)
    assert await conn.fetchval("SELECT count(*) FROM payment_audit") == 0


async def test_a_whole_number_may_be_written_with_a_point(pod):
    headers = {**ADMIN, "Content-Type": "application/json"}
    status, _ = await pod.call("POST", "/admin/routes/pin", headers=headers, data=b'{"version": 1.0}')
    assert status == 200


async def test_versions_come_in_pages(pod, conn):
    for number in range(3):
        await conn.execute(LINK, f"https://buy.example/{number}")
        await pod.call("POST", "/admin/refresh", headers=ADMIN)
    _, first = await pod.call("GET", "/admin/routes/versions?limit=3", headers=ADMIN)
    assert [item["version"] for item in first["data"]["items"]] == [4, 3, 2]
    cursor = first["data"]["nextCursor"]
    _, rest = await pod.call("GET", f"/admin/routes/versions?limit=3&cursor={cursor}", headers=ADMIN)
    assert [item["version"] for item in rest["data"]["items"]] == [1]
    assert rest["data"]["nextCursor"] is None


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "cursor=-1", "cursor=1&cursor=2", "page=2", "cursor=%00"]
)
async def test_a_wrong_page_is_refused(pod, query):
    status, answer = await pod.call("GET", f"/admin/routes/versions?{query}", headers=ADMIN)
    assert status == 400
    assert "error" in answer
