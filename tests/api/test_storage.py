"""The files of downloads: in a folder, and in a bucket of a real S3 server, which verifies signatures."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import aiohttp
import pytest
from yarl import URL

from hingecraft.purchases.downloads.bucket import LONGEST_URL, Bucket
from hingecraft.purchases.downloads.folder import Folder
from hingecraft.purchases.downloads.model import FileMissingError, StorageUnavailableError
from hingecraft.purchases.downloads.settings import DownloadSettings
from hingecraft.purchases.downloads.storage import storage_of
from hingecraft_sandbox.postgres import free_port
from support.s3 import S3, running_s3

CHINESE = "设" * 300 + '"plan".pdf'


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[Folder]:
    (tmp_path / "designs").mkdir()
    (tmp_path / "designs" / "hinge.pdf").write_bytes(b"a hinge")
    (tmp_path / "outside.txt").write_text("nobody's business")
    storage = Folder(str(tmp_path / "designs"))
    yield storage
    await storage.close()


async def test_a_file_is_opened_and_stays_the_same_when_another_takes_its_name(folder, tmp_path):
    file = await folder.open("hinge.pdf")
    try:
        (tmp_path / "new").write_bytes(b"another hinge")
        os.replace(tmp_path / "new", tmp_path / "designs" / "hinge.pdf")
        assert os.pread(file.descriptor, 100, 0) == b"a hinge"
        assert file.is_unchanged
        newer = await folder.open("hinge.pdf")
        assert newer.etag != file.etag
        newer.close()
    finally:
        file.close()


async def test_a_file_that_is_written_to_is_noticed(folder, tmp_path):
    file = await folder.open("hinge.pdf")
    with (tmp_path / "designs" / "hinge.pdf").open("ab") as written:
        written.write(b" and more")
    assert not file.is_unchanged
    file.close()


async def test_links_may_lead_to_other_places_below_the_folder_only(folder, tmp_path):
    """As volumes of Kubernetes have them: `..data` is a link to a folder beside it."""
    designs = tmp_path / "designs"
    (designs / "..2026").mkdir()
    (designs / "..2026" / "plan.pdf").write_text("a plan")
    (designs / "..data").symlink_to("..2026")
    (designs / "plan.pdf").symlink_to("..data/plan.pdf")
    (designs / "out.txt").symlink_to(tmp_path / "outside.txt")
    (designs / "up").symlink_to("..")
    (designs / "loop").symlink_to("loop")
    await folder.check("plan.pdf")
    for key in ("out.txt", "up/outside.txt", "loop"):
        with pytest.raises(FileMissingError, match=r"link|below"):
            await folder.check(key)


@pytest.mark.parametrize(
    "key", ["no.pdf", "hinge.pdf/x", "", ".", "../outside.txt", "/etc/hostname", CHINESE, "pipe", "sub"]
)
async def test_what_is_not_a_file_below_the_folder_is_missing(folder, tmp_path, key):
    """A named pipe would keep its reader waiting for ever."""
    os.mkfifo(tmp_path / "designs" / "pipe")
    (tmp_path / "designs" / "sub").mkdir()
    with pytest.raises(FileMissingError):
        await folder.check(key)


async def test_a_folder_that_is_not_mounted_is_not_a_missing_file(tmp_path):
    storage = Folder(str(tmp_path / "not mounted"))
    with pytest.raises(StorageUnavailableError, match="not mounted"):
        await storage.check("hinge.pdf")
    await storage.close()


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with running_s3() as server:
        (server.bucket / "sub dir").mkdir()
        (server.bucket / "sub dir" / "Türangel (1).pdf").write_bytes(b"a hinge from the bucket")
        (server.bucket / "empty").touch()
        yield server


@pytest.fixture
async def bucket(s3: S3) -> AsyncIterator[Any]:
    made: list[Bucket] = []

    def make(ahead: timedelta = timedelta(), **more: Any) -> Bucket:
        made.append(Bucket(DownloadSettings(**{**s3.settings, **more}), lambda: datetime.now(UTC) + ahead))
        return made[-1]

    yield make
    for each in made:
        await each.close()


KEY = "sub dir/Türangel (1).pdf"


async def fetch(url: str, method: str = "GET", **headers: str) -> tuple[int, Any, bytes]:
    async with (
        aiohttp.ClientSession() as client,
        client.request(method, URL(url, encoded=True), headers=headers) as response,
    ):
        return response.status, response.headers, await response.read()


async def test_a_presigned_url_downloads_the_file_under_its_name(bucket):
    status, headers, body = await fetch(bucket().url("GET", KEY, 600))
    assert (status, body) == (200, b"a hinge from the bucket")
    assert unquote(headers["Content-Disposition"].rpartition("''")[2]) == "Türangel (1).pdf"
    assert headers["Cache-Control"] == "private, no-store"


async def test_a_presigned_url_serves_ranges_and_heads(bucket):
    status, headers, body = await fetch(bucket().url("GET", KEY, 600), Range="bytes=2-6")
    assert (status, body, headers["Content-Range"]) == (206, b"hinge", "bytes 2-6/23")
    status, headers, body = await fetch(bucket().url("HEAD", KEY, 600), "HEAD")
    assert (status, body, headers["Content-Length"]) == (200, b"", "23")


async def test_a_presigned_url_allows_nothing_else(bucket):
    url = bucket().url("GET", KEY, 600)
    for other in (
        url[:-1] + ("0" if url[-1] != "0" else "1"),
        url.partition("&X-Amz-Signature")[0],
        url.replace("response-content-disposition=attachment", "response-content-disposition=inline"),
        url.replace(f"X-Amz-Expires={LONGEST_URL}", "X-Amz-Expires=86400"),
        bucket().url("HEAD", KEY, 600),
        bucket(timedelta(minutes=-10)).url("GET", KEY, 600),
    ):
        assert (await fetch(other))[0] in {400, 403}
    assert (await fetch(url, "DELETE"))[0] in {400, 403}


def test_a_presigned_url_lives_five_minutes_at_most(bucket):
    assert f"X-Amz-Expires={LONGEST_URL}&" in bucket().url("GET", KEY, 86_400)
    assert "X-Amz-Expires=20&" in bucket().url("GET", KEY, 20)


async def test_files_of_a_bucket_are_checked_before_they_are_promised(bucket):
    await bucket().check(KEY)
    await bucket().check("empty")
    for key in ("no.pdf", f"{KEY}/x", "", "../designs/empty", "/empty", CHINESE):
        with pytest.raises(FileMissingError):
            await bucket().check(key)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"downloads": "s3://others"}, "404 NoSuchBucket"),
        ({"s3_secret_access_key": "another-secret-key"}, "403 SignatureDoesNotMatch"),
        ({"s3_access_key_id": "another-key"}, "rejected the request"),
        ({"ahead": timedelta(hours=-1)}, "AccessDenied; our clock is 3[56]\\d\\d s behind S3's"),
    ],
)
async def test_a_bucket_that_rejects_us_is_not_a_missing_file(bucket, wrong, said):
    with pytest.raises(StorageUnavailableError, match=said):
        await bucket(**wrong).check(KEY)


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({}, type(None)),
        ({"downloads": "file:///srv/designs"}, type(None)),
        ({"downloads": "file:///srv/designs", "download_secret": "x" * 32}, Folder),
        ({"downloads": "s3://designs", "download_secret": "x" * 32}, type(None)),
        ({"downloads": "s3://designs", "download_secret": "x" * 32, "s3_access_key_id": "x" * 8}, type(None)),
    ],
)
def test_there_is_a_storage_once_all_that_it_needs_is_set(settings, kind):
    assert type(storage_of(DownloadSettings(**settings))) is kind


def test_a_bucket_without_an_endpoint_is_at_aws():
    keys: dict[str, Any] = {"s3_access_key_id": "x" * 8, "s3_secret_access_key": "x" * 8}
    settings = DownloadSettings(downloads="s3://designs", download_secret="x" * 32, s3_region="eu-west-1", **keys)
    storage = storage_of(settings)
    assert isinstance(storage, Bucket)
    assert storage.url("GET", "a.pdf", 60).startswith("https://s3.eu-west-1.amazonaws.com/designs/a.pdf?")


async def test_an_s3_that_does_not_answer_is_unavailable(bucket):
    with pytest.raises(StorageUnavailableError, match="did not answer"):
        await bucket(s3_endpoint=f"http://127.0.0.1:{free_port()}").check(KEY)
