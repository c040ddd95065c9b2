"""Callers of the Wix app's backend, and what its dashboard sets and reports."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from hingecraft.identity.principal import Kind
from hingecraft_api.access.limits import MISTAKES
from hingecraft_api.feature import Feature
from hingecraft_api.systems import FEATURES
from hingecraft_api.web.endpoint import Endpoint
from support import wix
from support.pods import running_pod
from support.tokens import encoded

pytestmark = pytest.mark.usefixtures("still_minute")

SPEND, SETTINGS, EVENTS = "/api/v1/wix/credits/spend", "/api/v1/wix/settings", "/api/v1/wix/events"
OWNERS = "/callers/owners"


async def _who(call):
    return {"kind": call.principal.kind, "id": call.principal.id}


WITH_OWNERS = [
    *FEATURES,
    Feature(
        endpoints=[
            Endpoint(method="GET", path=OWNERS, handler=_who, summary="Who", tag="Wix app", access=(Kind.WIX_OWNER,))
        ]
    ),
]


@pytest.fixture
async def pod(dsn):
    async with running_pod(dsn, **wix.settings()) as pod:
        yield pod


async def test_calls_say_why_they_are_rejected(pod, conn):
    site = uuid4()
    visitor = wix.owner(site, aid=str(uuid4()), uid=None, permissions=None)
    old = wix.owner(site, at=datetime.now(UTC) - timedelta(hours=5))
    assert await wix.code_of(pod, {}) == "401 missing_wix_instance"
    assert await wix.code_of(pod, {"Authorization": "WixInstance "}) == "401 missing_wix_instance"
    assert await wix.code_of(pod, {"Authorization": "Bearer a.b"}) == "401 missing_wix_instance"
    assert await wix.code_of(pod, visitor) == "401 invalid_wix_instance"
    assert await wix.code_of(pod, old) == "401 invalid_wix_instance"
    other_app = wix.as_instance(wix.signed(wix.fields_of(site, appDefId=str(uuid4()))))
    assert await wix.code_of(pod, other_app) == "401 invalid_wix_instance"
    assert await conn.fetchval("SELECT count(*) FROM wix_sites") == 0


async def test_a_change_needs_a_token_of_today(pod):
    site, signed_at = uuid4(), datetime.now(UTC) - timedelta(hours=25)
    old = wix.owner(site, at=signed_at, expirationDate=None)
    assert (await pod.call("GET", wix.STATUS, headers=old))[0] == 200
    body = {"amount": 1, "reference": "r"}
    status, answer = await pod.call("POST", SPEND, json=body, headers=old)
    assert (status, answer["code"]) == (401, "stale_wix_instance")
    assert (await pod.call("POST", SPEND, json=body, headers=wix.owner(site)))[0] == 200


async def test_an_address_that_guesses_has_to_wait_and_a_right_token_still_passes(pod):
    forged = wix.as_instance(f"{'A' * 43}.{encoded(b'{}')}")
    codes = [await wix.code_of(pod, forged) for _ in range(MISTAKES + 1)]
    assert set(codes[:-1]) == {"401 invalid_wix_instance"}
    assert codes[-1] == "429 rate_limited"
    assert (await wix.status_of(pod, uuid4()))["plan"] == "free"


async def test_a_page_whose_token_has_expired_is_not_taken_for_a_guesser(pod):
    old = wix.owner(uuid4(), at=datetime.now(UTC) - timedelta(hours=5))
    codes = {await wix.code_of(pod, old) for _ in range(MISTAKES + 1)}
    assert codes == {"401 invalid_wix_instance"}


async def test_each_site_has_a_limit_of_its_own(dsn):
    async with running_pod(dsn, **{**wix.settings(), "rate_limit": 3}) as pod:
        one, other = uuid4(), uuid4()
        codes = [(await pod.call("GET", wix.STATUS, headers=wix.owner(one)))[0] for _ in range(4)]
        assert codes == [200, 200, 200, 429]
        assert (await pod.call("GET", wix.STATUS, headers=wix.owner(other)))[0] == 200


async def test_payments_are_for_the_instances_that_are_named(dsn):
    owner, other = uuid4(), uuid4()
    more = {**wix.settings(), "wix_owner_instances": str(owner).upper(), "features": WITH_OWNERS}
    async with running_pod(dsn, **more) as pod:
        status, answer = await pod.call("GET", OWNERS, headers=wix.owner(owner))
        assert (status, answer["data"]) == (200, {"kind": "wix_instance", "id": str(owner)})
        assert await wix.code_of(pod, wix.owner(other), path=OWNERS) == "403 not_owner"
        assert await wix.code_of(pod, {}, path=OWNERS) == "401 missing_wix_instance"


async def test_without_the_settings_the_app_is_off(dsn):
    async with running_pod(dsn) as pod:
        assert await wix.code_of(pod, wix.owner(uuid4())) == "503 wix_app_disabled"
        assert await wix.send(pod, wix.message("AppInstalled", uuid4())) == (503, "wix_app_disabled")


async def test_a_page_may_send_the_header_of_an_instance(dsn):
    origin = "https://dashboard.example"
    async with running_pod(dsn, **wix.settings(), cors_origins=[origin]) as pod:
        asked = {"Origin": origin, "Access-Control-Request-Method": "PUT"}
        async with pod.client.options(pod.public + SETTINGS, headers=asked) as response:
            assert "Authorization" in response.headers["Access-Control-Allow-Headers"]
            assert "PUT" in response.headers["Access-Control-Allow-Methods"]


async def test_the_settings_of_a_site_are_those_of_an_allow_list(pod, conn):
    site = uuid4()
    status, answer = await pod.call("GET", SETTINGS, headers=wix.owner(site))
    defaults = answer["data"]
    assert (status, defaults["widgetAmounts"], defaults["notificationEmail"]) == (200, [10, 25, 50, 100], None)
    sent = {"widgetTitle": "Give", "widgetAmounts": [5, "7.50"], "notificationEmail": "owner@example.com"}
    for _ in range(2):
        status, answer = await pod.call("PUT", SETTINGS, json=sent, headers=wix.owner(site))
        assert (status, answer["data"]) == (200, {**defaults, **sent, "widgetAmounts": [5, 7.5]})
    audited = await conn.fetch("SELECT actor, details::text FROM payment_audit WHERE action = 'wix_settings_changed'")
    assert [row["actor"] for row in audited] == [f"wix_instance:{site}"], "a repeat changes nothing"
    assert "example.com" not in audited[0]["details"]
    wrong = [
        {"widgetTheme": "blue"},
        {"widgetAmounts": []},
        {"widgetAmounts": [0]},
        {"plan": "pro"},
        {"widgetTitle": 7},
    ]
    for each in wrong:
        assert (await pod.call("PUT", SETTINGS, json=each, headers=wix.owner(site)))[0] == 400, each


async def test_a_duplicate_of_a_site_begins_with_its_settings(pod, conn):
    site, copy = uuid4(), uuid4()
    set_before = {"widgetTitle": "Give", "pageTitle": "Origin"}
    assert (await pod.call("PUT", SETTINGS, json=set_before, headers=wix.owner(site)))[0] == 200
    # The copy's owner is faster than the event.
    assert (await pod.call("PUT", SETTINGS, json={"pageTitle": "Own"}, headers=wix.owner(copy)))[0] == 200
    await wix.tell(pod, "AppInstalled", copy, {"appId": wix.APP_ID, "originInstanceId": str(site)})
    await wix.until_processed(conn)
    found = (await pod.call("GET", SETTINGS, headers=wix.owner(copy)))[1]["data"]
    assert (found["widgetTitle"], found["pageTitle"]) == ("Give", "Own")
    assert (await pod.call("PUT", SETTINGS, json={"widgetTitle": "Copy"}, headers=wix.owner(copy)))[0] == 200
    assert (await pod.call("GET", SETTINGS, headers=wix.owner(site)))[1]["data"]["widgetTitle"] == "Give"


async def test_what_an_origin_sets_later_stays_its_own_when_the_copy_is_installed_again(pod, conn):
    site, copy, now = uuid4(), uuid4(), int(datetime.now(UTC).timestamp())
    for installed_at in (now - 60, now):
        await wix.tell(pod, "AppInstalled", copy, {"originInstanceId": str(site)}, iat=installed_at)
        await wix.until_processed(conn)
        found = (await pod.call("GET", SETTINGS, headers=wix.owner(copy)))[1]["data"]
        assert found["notificationEmail"] is None
        sent = {"notificationEmail": "owner@example.com"}
        assert (await pod.call("PUT", SETTINGS, json=sent, headers=wix.owner(site)))[0] == 200


async def test_events_of_the_dashboard_are_counted(pod):
    event = {"src": 1, "evid": 2, "eventName": "upgrade_clicked", "timestamp": 1, "params": {"plan": "pro"}}
    many = [{**event, "eventName": f"name_{number}"} for number in range(50)]
    for events in ([event, event], many):
        status, _ = await pod.call("POST", EVENTS, json={"events": events}, headers=wix.owner(uuid4()))
        assert status == 200
    for wrong in ([], [event] * 51, [{**event, "eventName": "a b"}], [{**event, "params": {"deep": {}}}]):
        assert (await pod.call("POST", EVENTS, json={"events": wrong}, headers=wix.owner(uuid4())))[0] == 400
    async with pod.client.get(pod.internal + "/metrics") as response:
        text = await response.text()
    assert 'hingecraft_wix_page_events_total{name="upgrade_clicked"} 2.0' in text
    assert 'hingecraft_wix_page_events_total{name="other"} 1.0' in text
