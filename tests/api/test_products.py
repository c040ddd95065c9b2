"""Products over HTTP: everybody reads those that are sold, admins add and change them with audit rows."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from support.pods import ADMIN, running_pod
from support.tokens import SETTINGS, bearer, token_for

PRODUCTS, ADMIN_PRODUCTS = "/api/v1/products", "/admin/products"
DESIGN = {
    "type": "design", "name": "Brass hinge", "price": "12.50", "currency": "USD", "active": True,
    "file": "hinges/brass.zip",
}  # fmt: skip
COURSE = {"type": "course", "name": "Hinges for beginners", "price": 80, "currency": "EUR", "active": True}
MONTHLY = {
    "type": "subscription", "name": "All designs", "price": 9, "currency": "USD", "active": True, "downloadLimit": 20,
    "period": {"unit": "month", "count": 1},
}  # fmt: skip
AUDIT = "SELECT actor, action, details::text FROM payment_audit WHERE action LIKE 'product%' ORDER BY id"


@pytest.fixture
async def pod(dsn):
    async with running_pod(dsn, **SETTINGS) as pod:
        yield pod


async def add(pod, body):
    status, answer = await pod.call("POST", ADMIN_PRODUCTS, json=body, headers=ADMIN)
    assert status == 201, answer
    return answer["data"]


async def change(pod, product, **body):
    status, answer = await pod.call("PATCH", f"{ADMIN_PRODUCTS}/{product}", json=body, headers=ADMIN)
    return (status, answer["data"]) if status == 200 else (status, answer.get("fields") or answer["code"])


async def test_an_admin_adds_a_product_and_everybody_reads_it_without_its_file(pod, conn):
    added = await add(pod, DESIGN)
    seen = {name: value for name, value in added.items() if name != "file"}
    assert added == {**DESIGN, "id": added["id"], "price": 12.5}
    for headers in ({}, bearer(token_for()), {"Authorization": "Bearer " + SETTINGS["service_token"]}):
        assert await pod.call("GET", f"{PRODUCTS}/{added['id']}", headers=headers) == (
            200, {"success": True, "data": seen},
        )  # fmt: skip
        _, page = await pod.call("GET", PRODUCTS, headers=headers)
        assert page["data"] == {"items": [seen], "nextCursor": None}
    (row,) = await conn.fetch(AUDIT)
    assert tuple(row)[:2] == ("admin", "product_added")
    assert json.loads(row["details"])["product"] == added["id"]


async def test_the_list_is_newest_first_page_by_page_and_by_type(pod):
    made = [(await add(pod, each))["id"] for each in (DESIGN, COURSE, MONTHLY, DESIGN, DESIGN)]
    found, cursor = [], ""
    while cursor is not None:
        _, page = await pod.call("GET", f"{PRODUCTS}?limit=2{f'&cursor={cursor}' if cursor else ''}")
        found += [each["id"] for each in page["data"]["items"]]
        cursor = page["data"]["nextCursor"]
    assert found == made[::-1]
    _, page = await pod.call("GET", f"{PRODUCTS}?type=course")
    assert [each["id"] for each in page["data"]["items"]] == [made[1]]
    status, answer = await pod.call("GET", f"{PRODUCTS}?cursor=abc")
    assert (status, answer["code"]) == (400, "invalid_cursor")


async def test_what_is_not_sold_is_seen_by_admins_only(pod):
    added = await add(pod, {**COURSE, "active": False})
    path = f"{PRODUCTS}/{added['id']}"
    assert (await pod.call("GET", path))[1]["code"] == "unknown_product"
    assert (await pod.call("GET", PRODUCTS))[1]["data"]["items"] == []
    assert (await pod.call("GET", path, headers=ADMIN))[1]["data"] == added
    assert (await pod.call("GET", PRODUCTS, headers=ADMIN))[1]["data"]["items"] == [added]


async def test_a_change_keeps_what_it_does_not_name_and_null_removes(pod, conn):
    added = await add(pod, {**MONTHLY, "discountedPrice": 7})
    status, changed = await change(pod, added["id"], price="10.25", active=False)
    assert (status, changed) == (200, {**added, "price": 10.25, "active": False})
    _, changed = await change(pod, added["id"], discountedPrice=None, downloadLimit=None, name="Every design")
    assert "discountedPrice" not in changed
    assert "downloadLimit" not in changed
    assert changed["name"] == "Every design"
    assert (await change(pod, added["id"]))[1] == changed
    told = [json.loads(row["details"]) for row in await conn.fetch(AUDIT)][1:]
    named = {"product": added["id"]}
    assert told == [
        {**named, "price": "10.25", "active": False},
        {**named, "name": "Every design", "discountedPrice": None, "downloadLimit": None},
    ]


WRONG: dict[str, list[dict[str, Any]]] = {
    "type": [{"type": "gift"}],
    "name": [{"name": ""}, {"name": "x" * 251}],
    "price": [{"price": 0}, {"price": "12.505"}, {"price": -3}, {"price": 100_000_000}, {"price": None}],
    "discountedPrice": [{"discountedPrice": "12.51"}, {"discountedPrice": 0}],
    "currency": [{"currency": "XXX"}, {"currency": "BTC"}, {"currency": "usd"}],
    "active": [{"active": "yes"}],
    "downloadLimit": [{"downloadLimit": 0}, {"downloadLimit": 2**40}],
    "period.unit": [{"period": {"unit": "hour", "count": 1}}],
    "period.count": [{"period": {"unit": "month", "count": 0}}],
    "period": [{"period": {"unit": "year", "count": 4}}, {"period": {"unit": "week", "count": 157}}],
    "file": [{"file": key} for key in (None, "", "/a", "a/../../b", "a//b", "a/./b", "a/", "a\\b", "a\nb")],
    "id": [{"id": str(uuid4())}],
}


async def test_a_wrong_product_names_its_field_and_adds_nothing(pod, conn):
    for field, cases in WRONG.items():
        for wrong in cases:
            status, answer = await pod.call("POST", ADMIN_PRODUCTS, json={**DESIGN, **wrong}, headers=ADMIN)
            assert (status, list(answer["fields"])) == (400, [field]), wrong
    assert await conn.fetchval("SELECT count(*) FROM products") == 0


async def test_a_subscription_needs_a_period_and_zero_decimal_currencies_take_whole_prices(pod):
    status, answer = await pod.call("POST", ADMIN_PRODUCTS, json={**MONTHLY, "period": None}, headers=ADMIN)
    assert (status, list(answer["fields"])) == (400, ["period"])
    assert (await add(pod, {**COURSE, "currency": "JPY", "price": 5000}))["price"] == 5000
    status, answer = await pod.call(
        "POST", ADMIN_PRODUCTS, json={**COURSE, "currency": "JPY", "price": "5000.5"}, headers=ADMIN
    )
    assert (status, list(answer["fields"])) == (400, ["price"])
    name = "铰链" * 120 + '"'
    assert (await add(pod, {**DESIGN, "file": f"{name}.zip"}))["file"] == f"{name}.zip"


async def test_type_and_period_do_not_change_and_a_change_is_checked_as_a_whole(pod):
    added = (await add(pod, DESIGN))["id"]
    assert await change(pod, added, type="course") == (400, {"type": "is not a known field"})
    assert (await change(pod, added, period={"unit": "day", "count": 1}))[0] == 400
    assert list((await change(pod, added, file=None))[1]) == ["file"]
    assert list((await change(pod, added, discountedPrice=13))[1]) == ["discountedPrice"]
    assert list((await change(pod, added, name=None))[1]) == ["name"]
    assert await change(pod, uuid4(), price=3) == (404, "unknown_product")
    assert await change(pod, "hinge", price=3) == (404, "unknown_product")


async def test_only_admins_add_and_change(pod):
    for headers in ({}, bearer(token_for())):
        assert (await pod.call("POST", ADMIN_PRODUCTS, json=DESIGN, headers=headers))[0] in {401, 403}
        assert (await pod.call("PATCH", f"{ADMIN_PRODUCTS}/{uuid4()}", json={}, headers=headers))[0] in {401, 403}
