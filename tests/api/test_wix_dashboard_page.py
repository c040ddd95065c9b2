"""The dashboard's page and files as a pod serves them: for Wix's frame only, compressed, kept by browsers for good."""

from __future__ import annotations

import gzip
import re

import aiohttp
import pytest

from hingecraft_api.handlers.pages import dashboard
from hingecraft_api.handlers.pages.dashboard import PATH, dashboard_folder
from support.folders import open_folder
from support.pods import running_pod

AT_WIX = "'self' https://manage.wix.com https://*.manage.wix.com"


@pytest.fixture
async def pod(dsn):
    async with running_pod(dsn) as pod:
        yield pod


async def fetched(pod, path, **headers):
    """The status, the headers and the bytes as they came."""
    wanted = {"Accept-Encoding": "identity", **headers}
    async with (
        aiohttp.ClientSession(auto_decompress=False) as client,
        client.get(pod.public + path, headers=wanted) as response,
    ):
        return response.status, response.headers, await response.read()


def policy(headers):
    return dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))


async def test_only_its_own_files_run_and_only_wix_frames_it(pod):
    status, headers, page = await fetched(pod, PATH)
    assert status == 200
    assert policy(headers) == {
        "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "font-src": "'self'",
        "img-src": "'self' data:", "connect-src": "'self'", "base-uri": "'none'", "form-action": "'none'",
        "frame-ancestors": AT_WIX,
    }  # fmt: skip
    # It forbids every frame of another host, and knows no list.
    assert "X-Frame-Options" not in headers
    assert "Set-Cookie" not in headers
    assert headers["Cache-Control"] == "no-cache"
    assert re.findall(rb"<(?:script|style)>", page) == [], "inline code would not run"


async def test_other_origins_may_frame_it_by_a_setting(dsn):
    async with running_pod(dsn, wix_dashboard_origins="https://*.wix.example") as pod:
        assert policy((await fetched(pod, PATH))[1])["frame-ancestors"] == f"{AT_WIX} https://*.wix.example"


async def test_every_file_of_the_page_is_there_for_good_in_each_encoding(pod):
    _, _, page = await fetched(pod, PATH)
    files = re.findall(rf'"({PATH}/assets/[^"]+)"', page.decode())
    assert {path.rpartition(".")[2] for path in files} == {"js", "css"}
    for path in files:
        _, headers, plain = await fetched(pod, path)
        assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert "Content-Encoding" not in headers
        _, headers, body = await fetched(pod, path, **{"Accept-Encoding": "gzip"})
        assert (headers["Content-Encoding"], gzip.decompress(body)) == ("gzip", plain)
        _, headers, body = await fetched(pod, path, **{"Accept-Encoding": "gzip, br"})
        assert headers["Content-Encoding"] == "br"
        assert len(body) < len(gzip.compress(plain, 9))
        status, _, body = await fetched(pod, path, **{"Accept-Encoding": "br", "If-None-Match": headers["ETag"]})
        assert (status, body) == (304, b"")


async def test_fonts_are_served_and_nothing_else_of_the_folder(pod):
    font = next((dashboard_folder() / "assets").glob("*.woff2"))
    _, headers, body = await fetched(pod, f"{PATH}/assets/{font.name}")
    assert (headers["Content-Type"], body) == ("font/woff2", font.read_bytes())
    for path in ("/assets/..%2findex.html", "/index.html", f"/assets/{font.name}.br"):
        assert (await fetched(pod, PATH + path))[0] == 404


async def test_the_licences_of_what_the_files_hold_are_served_beside_them(pod):
    status, headers, text = await fetched(pod, f"{PATH}/licenses.txt")
    assert (status, headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert text == (dashboard_folder() / "licenses.txt").read_bytes()


async def test_the_script_that_recovers_a_page_has_one_name_in_all_releases(pod):
    status, headers, _ = await fetched(pod, f"{PATH}/recover.js")
    assert (status, headers["Cache-Control"]) == (200, "no-cache")
    assert f'<script src="{PATH}/recover.js">'.encode() in (await fetched(pod, PATH))[2]
    assert (await fetched(pod, f"{PATH}/assets/index-OfAnother.js"))[0] == 404


async def test_what_is_built_meanwhile_is_served_without_a_restart(dsn, monkeypatch):
    with open_folder() as folder:
        monkeypatch.setattr(dashboard, "dashboard_folder", lambda: folder)
        async with running_pod(dsn) as pod:
            status, headers, text = await fetched(pod, PATH)
            assert (status, headers["Refresh"]) == (503, "3")
            assert b"is not built yet" in text
            assert policy(headers)["frame-ancestors"] == AT_WIX
            (folder / "assets").mkdir()
            (folder / "assets/index-1.js").write_text("first")
            (folder / "index.html").write_text("first")
            assert (await fetched(pod, PATH))[2] == b"first"
            assert (await fetched(pod, f"{PATH}/assets/index-1.js"))[2] == b"first"
            (folder / "index.html").write_text("second build")
            assert (await fetched(pod, PATH))[2] == b"second build"
