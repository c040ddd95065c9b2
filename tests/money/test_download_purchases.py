"""Designs that were paid for are downloaded, until the money goes back."""

from __future__ import annotations

import pytest

from support.buying import DESIGN, Buyer, add_product
from support.downloads import DOWNLOADS, SECRET
from support.members import pod_for_members
from support.money import becomes
from support.purchases import refund


@pytest.fixture
async def pod(dsn, sandbox, tmp_path):
    (tmp_path / DESIGN["file"]).write_bytes(b"a hinge")
    own = {"downloads": f"file://{tmp_path}", "download_secret": SECRET}
    async with pod_for_members(dsn, sandbox, **own) as running:
        yield running


async def download(pod, url):
    async with pod.client.get(url) as response:
        return response.status, await response.read()


async def test_a_paid_design_is_downloaded_and_a_refund_ends_its_url(pod, sandbox):
    ada = Buyer(pod)
    design = await add_product(pod, DESIGN)
    status, answer = await ada.call("GET", f"{DOWNLOADS}/{design}")
    assert (status, answer["code"]) == (402, "not_bought")
    begun = await ada.begin(design)
    assert (await ada.call("GET", f"{DOWNLOADS}/{design}"))[0] == 402
    await sandbox.act_on_intent(begun["intent"], "pay")
    await ada.gets(design, "owned")
    status, answer = await ada.call("GET", f"{DOWNLOADS}/{design}")
    assert (status, answer["data"]["remaining"]) == (200, 2)
    url = answer["data"]["url"]
    assert url.startswith(pod.public)
    assert await download(pod, url) == (200, b"a hinge")
    (purchase,) = await ada.purchases()
    assert purchase["downloads"] == {"used": 1, "limit": 3}
    await refund(sandbox, begun["intent"])
    await ada.gets(design, "refunded")
    assert (await download(pod, url))[0] == 410
    status, answer = await ada.call("GET", f"{DOWNLOADS}/{design}")
    assert (status, answer["code"]) == (403, "refunded")


async def test_a_design_without_downloads_left_is_bought_again_and_the_new_ones_are_used_then(pod, sandbox, conn):
    ada = Buyer(pod)
    design = await add_product(pod, DESIGN, downloadLimit=1)
    for used in ([1], [1, 1]):
        begun = await ada.begin(design)
        await sandbox.act_on_intent(begun["intent"], "pay")
        await becomes(conn, begun["paymentId"], "completed")
        assert await ada.rejected(design) == (409, "already_owned")
        status, answer = await ada.call("GET", f"{DOWNLOADS}/{design}")
        assert (status, answer["data"]["remaining"]) == (200, 0)
        assert [each["downloads"]["used"] for each in await ada.purchases()] == used
        await conn.execute("UPDATE downloads SET expires_at = now()")
        assert await ada.access(design) == "owned"
        status, answer = await ada.call("GET", f"{DOWNLOADS}/{design}")
        assert (status, answer["code"]) == (429, "download_limit")
