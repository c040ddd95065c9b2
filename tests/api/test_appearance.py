"""Settings of an owner as visitors see them: only public values, checked, and for their own site."""

from __future__ import annotations

from uuid import uuid4

import pytest

from hingecraft.db.connection import Database
from hingecraft.settings import Secret
from hingecraft.wix_app.site_settings.appearance import PLAIN, Appearances
from support import wix
from support.pods import running_pod

SETTINGS, APPEARANCE = "/api/v1/wix/settings", "/api/v1/appearance"
SET = {
    "organizationName": "Tools for All",
    "pageTitle": "Give a day of tools </script><b>",
    "pageText": "Every gift counts.",
    "thankYouText": "It pays for a day.",
    "pageAmounts": [5, "7.50"],
    "defaultCurrency": "EUR",
    "accentColor": "#FFE066",
    "contactEmail": "hello@example.com",
    "privacyUrl": "https://www.example.com/privacy",
    "refundUrl": "https://www.example.com/refunds",
    "widgetTitle": "Give",
    "notificationEmail": "owner@example.com",
}


@pytest.fixture
def owner():
    return uuid4()


@pytest.fixture
async def pod(dsn, owner):
    async with running_pod(dsn, **wix.settings(), wix_owner_instances=str(owner)) as pod:
        yield pod


async def _set(pod, site, **values):
    status, answer = await pod.call("PUT", SETTINGS, json=values, headers=wix.owner(site))
    assert status == 200, answer
    return answer["data"]


async def _shown(pod, query=""):
    status, answer = await pod.call("GET", APPEARANCE + query)
    assert status == 200, answer
    return answer["data"]


async def test_the_owner_s_settings_are_shown_at_once_and_without_what_is_not_public(pod, owner):
    assert (await _shown(pod))["pageTitle"] is None
    await _set(pod, owner, **SET)
    shown = await _shown(pod)
    assert (shown["organizationName"], shown["pageTitle"]) == ("Tools for All", SET["pageTitle"])
    assert (shown["pageAmounts"], shown["defaultCurrency"]) == (["5", "7.5"], "EUR")
    assert shown["light"]["accent"] != "#ffe066", "it is too pale to be read on white"
    assert "owner@example.com" not in str(shown)
    assert shown["bounds"]["JPY"]["digits"] == 0
    assert "BTC" not in shown["bounds"]
    await _set(pod, owner, pageTitle="", pageAmounts=[])
    shown = await _shown(pod)
    assert (shown["pageTitle"], shown["pageAmounts"]) == (None, None)


async def test_another_site_sets_only_its_own_widget(pod, owner):
    other = uuid4()
    await _set(pod, other, widgetTitle="Other", organizationName="Somebody Else")
    assert (await _shown(pod, f"?site={other}"))["widgetTitle"] == "Other"
    shown = await _shown(pod)
    assert (shown["widgetTitle"], shown["organizationName"]) == (None, None)
    page = await (await pod.client.get(pod.public + "/embed/charter")).text()
    assert "Somebody Else" not in page
    assert (await _shown(pod, f"?site={uuid4()}"))["widgetTitle"] is None
    assert (await pod.call("GET", f"{APPEARANCE}?site=x"))[0] == 400


async def test_pages_of_any_origin_may_read_it_and_open_a_checkout(pod):
    origin = {"Origin": "https://any.example"}
    async with pod.client.get(pod.public + APPEARANCE, headers=origin) as response:
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in response.headers
        assert response.headers["Cache-Control"] == "public, max-age=60"
        etag = response.headers["ETag"]
    async with pod.client.get(pod.public + APPEARANCE, headers={"If-None-Match": etag}) as response:
        assert (response.status, await response.read()) == (304, b"")
    for path, method, status in (
        ("/charter/generate-payment", "POST", 204),
        ("/mission-support/micro-payment", "POST", 403),
        ("/admin/payments", "GET", 403),
        (SETTINGS, "PUT", 403),
    ):
        asked = {**origin, "Access-Control-Request-Method": method}
        async with pod.client.options(pod.public + path, headers=asked) as response:
            assert response.status == status, path
            assert ("Access-Control-Allow-Origin" in response.headers) == (status == 204)
            assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pageTitle", "a\nb"),
        ("pageTitle", "\u202eabc"),
        ("pageTitle", "x" * 121),
        ("accentColor", "red"),
        ("accentColor", "#14594c;}"),
        ("privacyUrl", "http://www.example.com"),
        ("privacyUrl", "javascript:alert(1)"),
        ("privacyUrl", "https://user@example.com"),
        ("refundUrl", "https://example.com/a b"),
        ("defaultCurrency", "BTC"),
        ("defaultCurrency", "XXX"),
        ("contactEmail", "nobody"),
        ("pageAmounts", [0]),
        ("pageAmounts", [1, 2, 3, 4, 5, 6, 7]),
    ],
)
async def test_what_could_do_harm_is_rejected(pod, owner, name, value):
    status, answer = await pod.call("PUT", SETTINGS, json={name: value}, headers=wix.owner(owner))
    assert (status, [field.split(".")[0] for field in answer["fields"]]) == (400, [name])


async def test_without_a_database_the_page_has_its_own_texts(owner):
    nowhere = Database(Secret("postgresql://127.0.0.1:1/nothing"), application="test")
    try:
        assert await Appearances(nowhere, owner).of() == PLAIN
    finally:
        await nowhere.close()
