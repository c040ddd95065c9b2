"""The right to download a design, and the number of downloads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from hingecraft.settings import Secret
from support.broken_connections import Breaks
from support.downloads import DOWNLOADS, SECRET, Shop, ask
from support.pods import ADMIN, Running, running_pod
from support.tokens import SETTINGS, bearer, token_for

ADA, BEN = uuid4(), uuid4()
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
# Of one month that has begun, and of the one before.
NOW, BEFORE = (-10 * DAY, 20 * DAY), (-40 * DAY, -10 * DAY)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "designs"
    folder.mkdir()
    (folder / "hinge.pdf").write_bytes(b"a hinge")
    return folder


@pytest.fixture
async def pod(dsn: Secret, files: Path) -> AsyncIterator[Running]:
    settings = {**SETTINGS, "downloads": f"file://{files}", "download_secret": SECRET}
    async with running_pod(dsn, background=False, **settings) as running:
        yield running


@pytest.fixture
def shop(conn: asyncpg.Connection) -> Shop:
    return Shop(conn)


async def code(pod, user, design):
    status, answer = await ask(pod, user, design)
    return status, answer["code"]


async def test_an_owner_gets_a_url_that_is_counted_once_and_answered_again(pod, shop):
    """Reloads, double clicks and link scanners count nothing."""
    design = await shop.design()
    entitlement = await shop.buys(ADA, design, limit=5)
    status, first = await ask(pod, ADA, design)
    assert (status, first["remaining"]) == (200, 4)
    for _ in range(3):
        assert await ask(pod, ADA, design) == (200, first)
        async with pod.client.get(pod.public + first["url"]) as response:
            assert await response.read() == b"a hinge"
    assert (await shop.used(entitlement), await shop.granted()) == (1, 1)
    left = datetime.fromisoformat(first["expiresAt"]) - datetime.now(UTC)
    assert timedelta(seconds=500) < left <= timedelta(seconds=600)


@pytest.mark.usefixtures("patient")
async def test_fifty_calls_at_once_are_one_download(pod, shop):
    design = await shop.design()
    entitlement = await shop.buys(ADA, design, limit=1)
    answers = await asyncio.gather(*(ask(pod, ADA, design) for _ in range(50)))
    assert all(answer == answers[0] for answer in answers)
    assert answers[0][0] == 200
    assert (await shop.used(entitlement), await shop.granted()) == (1, 1)


async def test_a_connection_that_dies_at_any_moment_counts_a_download_once_or_not_at_all(pod, shop, dsn):
    """The repeat gets the URL that was counted, if one was."""
    other = await asyncpg.connect(dsn.newest)
    breaks, moments, over = Breaks(pod.pod.database, other), 0, False
    while not over:
        design = await shop.design()
        entitlement = await shop.buys(ADA, design, limit=5)
        moments += 1
        breaks.begin(moments)
        status, _ = await ask(pod, ADA, design)
        over = breaks.over
        assert status == (200 if over else 503)
        assert await shop.used(entitlement) == (breaks.committed or over)
        breaks.begin(0)
        status, granted = await ask(pod, ADA, design)
        assert (status, granted["remaining"]) == (200, 4)
        assert (await shop.used(entitlement), await shop.granted()) == (1, moments)
    assert moments > 4
    await other.close()


@pytest.mark.usefixtures("patient")
async def test_of_fifty_downloads_of_the_last_allowed_one_just_one_is_granted(pod, shop):
    """Fifty designs by one subscription, which has one download left."""
    designs = [await shop.design() for _ in range(50)]
    (entitlement,) = await shop.subscribes(ADA, await shop.subscription(), NOW, limit=20)
    await shop.conn.execute("UPDATE entitlements SET downloads_used = 19")
    answers = await asyncio.gather(*(ask(pod, ADA, design) for design in designs))
    assert sorted(status for status, _ in answers) == [200] + [429] * 49
    assert (await shop.used(entitlement), await shop.granted()) == (20, 1)


async def test_after_the_last_download_its_url_still_works_and_no_other_is_granted(pod, shop):
    design = await shop.design()
    await shop.buys(ADA, design, limit=1)
    _, granted = await ask(pod, ADA, design)
    assert granted["remaining"] == 0
    assert await ask(pod, ADA, design) == (200, granted)
    await shop.conn.execute("UPDATE downloads SET expires_at = now()")
    assert await code(pod, ADA, design) == (429, "download_limit")


async def test_a_new_url_is_counted_when_the_one_before_has_expired(pod, shop):
    design = await shop.design()
    entitlement = await shop.buys(ADA, design)
    _, first = await ask(pod, ADA, design)
    await shop.conn.execute("UPDATE downloads SET expires_at = now()")
    _, second = await ask(pod, ADA, design)
    assert first["url"] != second["url"]
    assert (first["remaining"], second["remaining"]) == (None, None)
    assert await shop.used(entitlement) == 2


@pytest.mark.parametrize("kind", ["nobody's", "another user's", "a course's", "another mode's"])
async def test_who_has_not_bought_a_design_does_not_get_it(pod, shop, kind):
    design = await shop.design()
    if kind == "another user's":
        await shop.buys(BEN, design)
        assert (await ask(pod, BEN, design))[0] == 200
    elif kind == "a course's":
        await shop.buys(ADA, await shop.design(kind="course"))
    elif kind == "another mode's":
        await shop.buys(ADA, design, livemode=True)
    assert await code(pod, ADA, design) == (402, "not_bought")


async def test_courses_subscriptions_and_unknown_ids_are_not_designs(pod, shop):
    course, subscription = await shop.design(kind="course"), await shop.subscription()
    await shop.buys(ADA, course)
    await shop.subscribes(ADA, subscription, NOW)
    for product in (course, subscription, uuid4(), "no-id"):
        assert await code(pod, ADA, product) == (404, "unknown_product")


@pytest.mark.parametrize("reason", ["refunded", "disputed"])
async def test_access_that_was_taken_ends_and_comes_back(pod, shop, reason):
    design = await shop.design()
    entitlement = await shop.buys(ADA, design, limit=3)
    _, granted = await ask(pod, ADA, design)
    await shop.revoke(entitlement, reason)
    assert await code(pod, ADA, design) == (403, reason)
    await shop.revoke(entitlement, None)
    assert await ask(pod, ADA, design) == (200, granted)
    assert await shop.used(entitlement) == 1


async def test_access_ends_with_its_last_second_and_the_url_with_it(pod, shop):
    design = await shop.design()
    await shop.buys(ADA, design, ends=HOUR)
    await shop.conn.execute("UPDATE entitlements SET ends_at = now() + interval '100 seconds'")
    _, granted = await ask(pod, ADA, design)
    assert datetime.fromisoformat(granted["expiresAt"]) - datetime.now(UTC) < timedelta(seconds=101)
    await shop.conn.execute("UPDATE entitlements SET ends_at = now()")
    assert await code(pod, ADA, design) == (403, "expired")


async def test_a_subscription_opens_every_design_that_is_sold_within_its_limit(pod, shop):
    designs = [await shop.design() for _ in range(3)]
    (entitlement,) = await shop.subscribes(ADA, await shop.subscription(), NOW, limit=2)
    assert [(await ask(pod, ADA, design))[0] for design in designs] == [200, 200, 429]
    assert await shop.used(entitlement) == 2


async def test_a_designs_own_purchase_is_used_before_a_subscription_and_then_the_subscription(pod, shop):
    design = await shop.design()
    (period,) = await shop.subscribes(ADA, await shop.subscription(), NOW, limit=2)
    own = await shop.buys(ADA, design, limit=1)
    for used in ((1, 0), (1, 1), (1, 2)):
        assert (await ask(pod, ADA, design))[0] == 200
        assert (await shop.used(own), await shop.used(period)) == used
        await shop.conn.execute("UPDATE downloads SET expires_at = now()")
    assert await code(pod, ADA, design) == (429, "download_limit")


async def test_a_bought_design_stays_downloadable_when_it_is_not_sold_any_more(pod, shop):
    design = await shop.design()
    await shop.buys(ADA, design)
    await shop.subscribes(BEN, await shop.subscription(), NOW)
    await shop.conn.execute("UPDATE products SET active = false")
    assert (await ask(pod, ADA, design))[0] == 200
    assert await code(pod, BEN, design) == (402, "not_bought")


@pytest.mark.parametrize(
    ("ended", "subscription", "answer"),
    [
        (HOUR, {}, 200), (HOUR, {"status": "past_due"}, 200), (23 * HOUR, {}, 200), (25 * HOUR, {}, 403),
        (HOUR, {"cancels": True}, 403), (HOUR, {"status": "unpaid"}, 403), (HOUR, {"status": "paused"}, 403),
        (HOUR, {"status": "canceled"}, 403),
    ],
)  # fmt: skip
async def test_a_running_subscription_goes_on_for_a_day_after_its_last_paid_period(
    pod, shop, ended, subscription, answer
):
    """Stripe charges a renewal an hour after the period's end, and tries again."""
    await shop.subscribes(ADA, await shop.subscription(), (-30 * DAY, -ended), **subscription)
    status, said = await ask(pod, ADA, await shop.design())
    assert status == answer, said
    assert status == 200 or said["code"] == "expired"


async def test_downloads_count_in_the_period_in_which_they_happen(pod, shop):
    """Downloads left from the earlier period are not used in its grace once the renewal is paid."""
    just_ended, begun = (-30 * DAY, -HOUR), (-HOUR, 30 * DAY)
    before, now = await shop.subscribes(ADA, await shop.subscription(), just_ended, begun, limit=1)
    assert (await ask(pod, ADA, await shop.design()))[0] == 200
    assert (await shop.used(before), await shop.used(now)) == (0, 1)
    assert await code(pod, ADA, await shop.design()) == (429, "download_limit")


async def test_refunding_one_period_leaves_the_others(pod, shop):
    before, now = await shop.subscribes(ADA, await shop.subscription(), BEFORE, NOW)
    design = await shop.design()
    await shop.revoke(before, "refunded")
    assert (await ask(pod, ADA, design))[0] == 200
    await shop.revoke(now, "refunded")
    assert await code(pod, ADA, design) == (403, "refunded")


async def test_a_missing_file_is_not_counted_and_reported(pod, shop, files, caplog):
    design = await shop.design("gone.pdf")
    entitlement = await shop.buys(ADA, design, limit=1)
    assert await code(pod, ADA, design) == (503, "download_unavailable")
    assert "gone.pdf" in caplog.text
    assert (await shop.used(entitlement), await shop.granted()) == (0, 0)
    assert await pod.metric('hingecraft_download_failures_total{reason="file_missing"}') == 1
    (files / "gone.pdf").write_bytes(b"is back")
    assert (await ask(pod, ADA, design))[0] == 200


async def test_who_may_not_download_learns_nothing_about_the_file(pod, shop):
    assert await code(pod, ADA, await shop.design("gone.pdf")) == (402, "not_bought")


async def test_head_grants_nothing(pod, shop):
    design = await shop.design()
    entitlement = await shop.buys(ADA, design)
    async with pod.client.head(f"{pod.public}{DOWNLOADS}/{design}", headers=bearer(token_for(str(ADA)))) as response:
        assert response.status == 405
    assert (await shop.used(entitlement), await shop.granted()) == (0, 0)


async def test_admins_get_a_url_that_is_not_counted_with_an_audit_row(pod, shop):
    design = await shop.design()
    entitlement = await shop.buys(ADA, design)
    status, answer = await pod.call("GET", f"{DOWNLOADS}/{design}", headers=ADMIN)
    assert (status, answer["data"]["remaining"]) == (200, None)
    async with pod.client.get(pod.public + answer["data"]["url"]) as response:
        assert await response.read() == b"a hinge"
    assert await shop.used(entitlement) == 0
    rows = await shop.conn.fetch("SELECT actor FROM payment_audit WHERE action = 'download_granted'")
    assert [row["actor"] for row in rows] == ["admin"]


async def test_others_are_not_served(pod, shop):
    design = await shop.design()
    assert (await pod.call("GET", f"{DOWNLOADS}/{design}"))[0] == 401
    service = {"Authorization": f"Bearer {SETTINGS['service_token']}"}
    assert (await pod.call("GET", f"{DOWNLOADS}/{design}", headers=service))[0] == 403


async def test_an_admin_can_only_name_files_that_exist(pod, files):
    product = {"type": "design", "name": "Hinge", "price": 5, "currency": "USD", "active": True}
    for file in ("no.pdf", "../designs/hinge.pdf", "/etc/hostname", "hinge.pdf/"):
        status, answer = await pod.call("POST", "/admin/products", json={**product, "file": file}, headers=ADMIN)
        assert (status, list(answer["fields"])) == (400, ["file"]), answer
    status, answer = await pod.call("POST", "/admin/products", json={**product, "file": "hinge.pdf"}, headers=ADMIN)
    assert status == 201
    path = f"/admin/products/{answer['data']['id']}"
    status, answer = await pod.call("PATCH", path, json={"file": "no.pdf"}, headers=ADMIN)
    assert (status, list(answer["fields"])) == (400, ["file"])
    (files / "hinge.pdf").unlink()
    assert (await pod.call("PATCH", path, json={"active": False}, headers=ADMIN))[0] == 200


async def test_without_its_settings_just_downloads_are_off(dsn, shop):
    async with running_pod(dsn, background=False, **SETTINGS) as pod:
        assert await code(pod, ADA, await shop.design()) == (503, "downloads_disabled")
        status, answer = await pod.call("GET", "/downloads/abc")
        assert (status, answer["code"]) == (503, "downloads_disabled")
        assert (await pod.call("GET", "/health"))[0] == 200
