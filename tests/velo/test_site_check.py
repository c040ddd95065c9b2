"""`hingecraft site check` against a stand-in of a published site, and everything that can be wrong with one."""

from __future__ import annotations

import base64
import os
import sys
from asyncio import create_subprocess_exec, subprocess
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from hingecraft.site_check.check import FUNCTIONS
from hingecraft_sandbox.postgres import free_port
from support.pods import VISITOR_SECRET, running_pod
from support.published_site import published

KEY, OTHER = (f"whsec_{base64.b64encode(text).decode()}" for text in (b"a site's secret", b"another secret"))
SECRETS = {"HC_WEBHOOK_SECRET": KEY, "HC_VISITOR_SECRET": VISITOR_SECRET}
CALLS = sum(len(names) for names in FUNCTIONS.values())


@asynccontextmanager
async def another(status, text, **headers):
    """Another website."""

    async def answer(_request):
        return web.Response(status=status, text=text, content_type="text/html", headers=headers)

    app, port = web.Application(), free_port()
    app.router.add_route("*", "/{anything:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


async def check(site, key=KEY):
    process = await create_subprocess_exec(
        sys.executable, "-m", "hingecraft", "site", "check", site, env={**os.environ, "WEBHOOK_SECRET": key},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    said, complained = await process.communicate()
    return process.returncode, said.decode().splitlines(), complained.decode()


async def test_a_site_with_everything_passes(dsn):
    async with running_pod(dsn) as pod, published(**SECRETS, HC_BACKEND_URL=pod.public) as site:
        code, lines, complained = await check(site)
        assert (code, complained) == (0, "")
        assert len(lines) == CALLS + len(FUNCTIONS) + 4
        assert lines[-1].endswith("verified")
        assert [line.split()[-1] for line in lines[-3:-1]] == ["refused", "refused"]
        assert "has not received a version yet" in lines[-4]
        code, lines, _ = await check(site, key="")
        assert code == 0
        assert lines[-1].startswith("WEBHOOK_SECRET is not set here")


async def test_another_secret_is_noticed(dsn):
    async with running_pod(dsn) as pod, published(**SECRETS, HC_BACKEND_URL=pod.public) as site:
        code, lines, _ = await check(site, key=OTHER)
        assert code == 1
        assert "HC_WEBHOOK_SECRET of the site differs from WEBHOOK_SECRET here" in lines[-1]


async def test_a_site_without_its_collection_is_noticed(dsn):
    async with (
        running_pod(dsn) as pod,
        published(**SECRETS, HC_BACKEND_URL=pod.public, SITE_LACKS_COLLECTION="1") as site,
    ):
        code, lines, _ = await check(site, key="")
    assert code == 1
    failed = [line for line in lines if line.startswith("FAILED")]
    assert len(failed) == 1
    assert "make the collection HingeCraftFlags" in failed[0]


async def test_a_site_that_asks_the_wrong_backend_is_noticed():
    async with another(200, "<html>") as elsewhere, published(**SECRETS, HC_BACKEND_URL=elsewhere) as site:
        code, lines, _ = await check(site)
    assert code == 1
    lost = [line.split()[1] for line in lines if "the site cannot reach its backend" in line]
    assert lost == [f"charter_page_middleware/{name}" for name in ("onReady", "getCumulativeTotal")] + [
        "stripe_api/getPublishableKey"
    ]


@pytest.mark.parametrize("name", ["HC_BACKEND_URL", "HC_VISITOR_SECRET", "HC_WEBHOOK_SECRET"])
async def test_a_secret_that_is_missing_is_named(name):
    secrets = {**SECRETS, "HC_BACKEND_URL": "http://127.0.0.1:9"}
    async with published(**{**secrets, name: ""}) as site:
        code, lines, _ = await check(site)
    assert code == 1
    assert any(f"the secret {name} is not set" in line for line in lines)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (404, "there is no such function: publish the site"),
        (403, "403 before our code"),
        (500, "it failed: the site's logs in Wix say why"),
        (302, "the site is at another address"),
        (200, "the answer is not from our code"),
    ],
)
async def test_another_website_is_explained_in_words(status, said):
    headers = {"Location": "https://www.example.com/"} if status == 302 else {}
    async with another(status, "<html>", **headers) as site:
        code, lines, _ = await check(site)
    assert code == 1
    assert all(line.startswith("FAILED") for line in lines)
    assert all(said in line for line in lines[:CALLS])
    preflights = lines[CALLS : CALLS + len(FUNCTIONS)]
    assert len(preflights) == len(FUNCTIONS)
    assert all((said if status != 200 else "is not published") in line for line in preflights)


@pytest.mark.parametrize(("status", "good"), [(200, True), (204, True), (206, False)])
async def test_a_preflight_may_be_answered_as_a_browser_takes_it(status, good):
    """A site that merged our functions with its own may answer 204, as Wix's example does."""
    async with another(status, "", **{"Access-Control-Allow-Origin": "*"}) as site:
        _, lines, _ = await check(site)
    preflights = lines[CALLS : CALLS + len(FUNCTIONS)]
    assert [line.startswith("ok") for line in preflights] == [good] * len(FUNCTIONS)


async def test_nobody_answers():
    code, lines, _ = await check(f"http://127.0.0.1:{free_port()}")
    assert code == 1
    assert all("no answer" in line for line in lines)


async def test_an_address_that_is_none_is_refused():
    code, _, complained = await check("www.example.com")
    assert code == 2
    assert "is not the address of a site: use for example https://www.example.com" in complained
