"""The file behind the URL of a download, from a folder and from S3."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import UUID, uuid4

import asyncpg
import pytest
from yarl import URL

from hingecraft.purchases.downloads import tokens
from hingecraft.purchases.downloads.folder import Folder
from hingecraft.settings import Secret
from hingecraft_sandbox.postgres import free_port
from support.downloads import SECRET, Shop, ask
from support.pods import Running, running_pod
from support.s3 import S3, running_s3
from support.tokens import SETTINGS

ADA = uuid4()
CONTENT = bytes(range(256)) * 40
NAME = "Türangel “Nr. 1”.pdf"
KEY = f"hinges/{NAME}"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "designs"
    (folder / "hinges").mkdir(parents=True)
    (folder / KEY).write_bytes(CONTENT)
    return folder


@pytest.fixture
def shop(conn: asyncpg.Connection) -> Shop:
    return Shop(conn)


@asynccontextmanager
async def serving(dsn: Secret, **more: Any) -> AsyncIterator[Running]:
    settings = {**SETTINGS, "download_secret": SECRET, **more}
    async with running_pod(dsn, background=False, **settings) as pod:
        yield pod


@pytest.fixture
async def pod(dsn: Secret, files: Path) -> AsyncIterator[Running]:
    async with serving(dsn, downloads=f"file://{files}") as running:
        yield running


async def bought(pod: Running, shop: Shop, key: str = KEY) -> tuple[str, UUID]:
    """The address of a design's file, and the entitlement behind it."""
    design = await shop.design(key)
    entitlement = await shop.buys(ADA, design)
    status, granted = await ask(pod, ADA, design)
    assert status == 200, granted
    return pod.public + granted["url"], entitlement


async def get(pod: Running, address: str, method: str = "GET", **headers: str) -> tuple[int, Any, bytes]:
    name = {each.replace("_", "-"): value for each, value in headers.items()}
    async with pod.client.request(method, URL(address, encoded=True), headers=name, allow_redirects=False) as response:
        return response.status, response.headers, await response.read()


async def code(pod: Running, address: str) -> tuple[int, str]:
    async with pod.client.get(address) as response:
        return response.status, (await response.json())["code"]


async def test_the_file_comes_whole_under_its_name_and_for_nobody_else(pod, shop):
    address, _ = await bought(pod, shop)
    status, headers, body = await get(pod, address)
    assert (status, body) == (200, CONTENT)
    assert unquote(headers["Content-Disposition"].rpartition("''")[2]) == NAME
    assert headers["Content-Disposition"].startswith('attachment; filename="Turangel _Nr. 1.pdf"; ')
    assert headers["Content-Type"] == "application/pdf"
    assert headers["Cache-Control"] == "private, no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")


async def test_a_file_that_is_closed_twice_closes_no_other_file(files):
    with (files / KEY).open("rb") as source:
        file = await Folder(str(files)).open(KEY)
        number = file.descriptor
        file.close()
        os.dup2(source.fileno(), number)
    file.close()
    assert os.fstat(number).st_size == len(CONTENT)
    os.close(number)
    with pytest.raises(ValueError, match="closed file"):
        _ = file.is_unchanged


async def test_heads_have_the_headers_and_count_nothing(pod, shop):
    address, entitlement = await bought(pod, shop)
    whole, head = await get(pod, address), await get(pod, address, "HEAD", Range="bytes=0-1")
    assert (head[0], head[2]) == (200, b"")
    for name in ("Content-Length", "Content-Type", "Content-Disposition", "ETag", "Accept-Ranges", "Cache-Control"):
        assert head[1][name] == whole[1][name]
    for _ in range(3):
        await get(pod, address, Range="bytes=5-")
    assert await shop.used(entitlement) == 1


async def test_a_download_continues_where_it_was_broken_off(pod, shop):
    address, _ = await bought(pod, shop)
    etag = (await get(pod, address, "HEAD"))[1]["ETag"]
    first = await get(pod, address, Range="bytes=0-4999")
    rest = await get(pod, address, Range="bytes=5000-", If_Range=etag)
    assert (first[0], rest[0]) == (206, 206)
    assert first[2] + rest[2] == CONTENT
    assert rest[1]["Content-Range"] == f"bytes 5000-{len(CONTENT) - 1}/{len(CONTENT)}"
    assert rest[1]["Content-Disposition"].startswith("attachment;")


async def test_a_file_that_was_replaced_is_sent_whole_instead_of_the_rest_of_another(pod, shop, files):
    address, _ = await bought(pod, shop)
    etag = (await get(pod, address))[1]["ETag"]
    (files / "new").write_bytes(b"a newer drawing")
    os.replace(files / "new", files / KEY)
    status, headers, body = await get(pod, address, Range="bytes=5000-", If_Range=etag)
    assert (status, body) == (200, b"a newer drawing")
    assert headers["ETag"] != etag


async def test_a_range_behind_the_end_is_told_the_size(pod, shop):
    address, _ = await bought(pod, shop)
    status, headers, _ = await get(pod, address, Range="bytes=99999-")
    assert (status, headers["Content-Range"]) == (416, f"bytes */{len(CONTENT)}")


async def test_several_ranges_and_wrong_ones_get_all_of_the_file(pod, shop):
    address, _ = await bought(pod, shop)
    for wanted in ("bytes=0-1,5-6", "bytes=x", "lines=0-1"):
        assert (await get(pod, address, Range=wanted))[::2] == (200, CONTENT)


async def test_a_client_that_has_the_file_is_told_so(pod, shop):
    address, _ = await bought(pod, shop)
    etag = (await get(pod, address))[1]["ETag"]
    assert (await get(pod, address, If_None_Match=f'"x", {etag}'))[::2] == (304, b"")
    assert (await get(pod, address, If_None_Match='"x"'))[0] == 200


async def test_an_empty_file_is_a_file(pod, shop, files):
    (files / "empty").touch()
    address, _ = await bought(pod, shop, "empty")
    assert (await get(pod, address))[::2] == (200, b"")
    assert (await get(pod, address, Range="bytes=0-"))[0] == 416


async def test_a_compressed_neighbour_is_another_file(pod, shop, files):
    """aiohttp's own file answer would send it instead."""
    (files / f"{KEY}.gz").write_bytes(b"something else")
    address, _ = await bought(pod, shop)
    status, headers, body = await get(pod, address, Accept_Encoding="gzip, br")
    assert (status, body) == (200, CONTENT)
    assert "Content-Encoding" not in headers


async def test_revoked_access_ends_the_url_with_the_next_request(pod, shop):
    address, entitlement = await bought(pod, shop)
    assert (await get(pod, address))[0] == 200
    await shop.revoke(entitlement, "refunded")
    assert await code(pod, address) == (410, "download_expired")
    assert (await get(pod, address, Range="bytes=0-1"))[0] == 410
    assert (await get(pod, address, "HEAD"))[0] == 410
    await shop.revoke(entitlement, None)
    assert (await get(pod, address))[0] == 200


async def test_a_url_ends_with_its_time_and_with_the_access(pod, shop):
    address, entitlement = await bought(pod, shop)
    await shop.conn.execute("UPDATE entitlements SET ends_at = now() WHERE id = $1", entitlement)
    assert await code(pod, address) == (410, "download_expired")
    await shop.conn.execute("UPDATE entitlements SET ends_at = NULL WHERE id = $1", entitlement)
    assert (await get(pod, address))[0] == 200
    await shop.conn.execute("UPDATE downloads SET expires_at = now()")
    assert await code(pod, address) == (410, "download_expired")


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


async def test_a_browser_is_told_on_a_page_and_a_program_in_json(pod, shop, files):
    address, entitlement = await bought(pod, shop)
    assert (await get(pod, address, Accept=BROWSER))[::2] == (200, CONTENT)
    (files / KEY).rename(files / "elsewhere")
    assert (await get(pod, address, Accept=BROWSER))[0] == 503
    await shop.revoke(entitlement, "refunded")
    for asked, status in ((address, 410), (f"{pod.public}/downloads/{uuid4()}", 404)):
        got, headers, page = await get(pod, asked, Accept=BROWSER)
        assert (got, headers["Content-Type"]) == (status, "text/html; charset=utf-8")
        assert (headers["Cache-Control"], "Accept" in headers["Vary"]) == ("no-store", True)
        assert b"<h1>This download is not available</h1>" in page
        assert b'href="/account"' in page
        for program in ("*/*", "application/json", "text/html;q=0, */*"):
            assert (await get(pod, asked, Accept=program))[1]["Content-Type"].startswith("application/json")


async def test_a_url_that_a_restored_backup_has_lost_is_expired(pod, shop):
    address, _ = await bought(pod, shop)
    await shop.conn.execute("DELETE FROM downloads")
    assert await code(pod, address) == (410, "download_expired")


async def test_forged_urls_are_unknown(pod, shop):
    address, _ = await bought(pod, shop)
    forged = [address[:-1] + ("A" if address[-1] != "A" else "B"), address[:-3], f"{pod.public}/downloads/{uuid4()}"]
    (row,) = await shop.conn.fetch("SELECT id, expires_at FROM downloads")
    other = tokens.signed(
        row["id"], row["expires_at"] + timedelta(days=1), Secret("another secret of this length, or so")
    )
    for each in [*forged, f"{pod.public}/downloads/{other}", f"{pod.public}/downloads/%00"]:
        assert await code(pod, each) in {(404, "unknown_download"), (400, "invalid_text")}


async def test_a_url_survives_the_rotation_of_its_secret(pod, shop, dsn, files):
    address, _ = await bought(pod, shop)
    rotated = f"the newer secret of these downloads,{SECRET}"
    async with serving(dsn, downloads=f"file://{files}", download_secret=rotated) as newer:
        assert (await get(newer, newer.public + URL(address).path))[::2] == (200, CONTENT)


async def test_a_file_that_is_lost_after_its_url_was_granted_is_reported(pod, shop, files, caplog):
    address, _ = await bought(pod, shop)
    (files / KEY).unlink()
    assert await code(pod, address) == (503, "download_unavailable")
    assert "Türangel" in caplog.text
    (files / KEY).symlink_to("/etc/hostname")
    assert await code(pod, address) == (503, "download_unavailable")


async def test_a_renamed_file_is_served_by_the_same_url(pod, shop, files):
    address, _ = await bought(pod, shop)
    (files / KEY).rename(files / "renamed.pdf")
    await shop.conn.execute("UPDATE products SET file = 'renamed.pdf'")
    status, headers, body = await get(pod, address)
    assert (status, body) == (200, CONTENT)
    assert "renamed.pdf" in headers["Content-Disposition"]


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with running_s3() as server:
        (server.bucket / "hinges").mkdir()
        (server.bucket / KEY).write_bytes(CONTENT)
        yield server


async def test_from_s3_the_browser_is_sent_to_a_url_that_only_gets_this_file(dsn, shop, s3):
    async with serving(dsn, **s3.settings) as pod:
        address, entitlement = await bought(pod, shop)
        status, headers, _ = await get(pod, address)
        assert (status, headers["Cache-Control"]) == (302, "private, no-store")
        assert "X-Amz-Expires=300&" in headers["Location"]
        found, answer, body = await get(pod, headers["Location"], Range="bytes=1-9")
        assert (found, body) == (206, CONTENT[1:10])
        assert unquote(answer["Content-Disposition"].rpartition("''")[2]) == NAME
        head = (await get(pod, address, "HEAD"))[1]["Location"]
        assert (await get(pod, head, "HEAD"))[1]["Content-Length"] == str(len(CONTENT))
        assert (await get(pod, head))[0] == 403
        await shop.revoke(entitlement, "disputed")
        assert await code(pod, address) == (410, "download_expired")


async def test_a_url_of_s3_ends_with_the_url_that_led_to_it(dsn, shop, s3):
    async with serving(dsn, download_url_seconds=30, **s3.settings) as pod:
        address, _ = await bought(pod, shop)
        location = URL((await get(pod, address))[1]["Location"], encoded=True)
        assert 0 < int(location.query["X-Amz-Expires"]) <= 30


@pytest.mark.parametrize("away", ["stopped", "another key", "no such file"])
async def test_while_s3_does_not_serve_a_file_nothing_is_counted(dsn, shop, s3, caplog, away):
    wrong = {
        "stopped": {"s3_endpoint": f"http://127.0.0.1:{free_port()}"},
        "another key": {"s3_secret_access_key": "another-secret-key"},
        "no such file": {},
    }[away]
    design = await shop.design("no.pdf" if away == "no such file" else KEY)
    entitlement = await shop.buys(ADA, design, limit=1)
    async with serving(dsn, **{**s3.settings, **wrong}) as pod:
        status, answer = await ask(pod, ADA, design)
        assert (status, answer["code"]) == (503, "download_unavailable")
        assert "S3" in caplog.text or "s3://" in caplog.text
        assert (await shop.used(entitlement), await shop.granted()) == (0, 0)
        reason = "file_missing" if away == "no such file" else "storage_unavailable"
        assert await pod.metric(f'hingecraft_download_failures_total{{reason="{reason}"}}') == 1
        assert (await pod.call("GET", "/health"))[0] == 200
