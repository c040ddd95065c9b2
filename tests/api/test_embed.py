"""Pages as the backend serves them: only their own code runs, and only the site and Wix may frame donation pages."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re

import pytest

from support.pods import running_pod

PAGES = ["/embed/charter", "/embed/mission-support"]


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_lets_only_its_own_code_run(dsn, path):
    async with running_pod(dsn, site_url="https://www.example.com/charity") as pod:
        async with pod.client.get(pod.public + path) as response:
            page, headers = await response.text(), response.headers
        policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
        for kind in ("script", "style"):
            (inline,) = re.findall(rf"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
            digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
            assert policy[f"{kind}-src"] == f"'sha256-{digest}'"
        assert policy["default-src"] == "'none'"
        assert policy["connect-src"] == "'self'", "it calls this backend, or nobody"
        assert "https://www.example.com " in policy["frame-ancestors"]
        assert "https://manage.wix.com" in policy["frame-ancestors"]
        # It forbids every frame of another host, and knows no list.
        assert "X-Frame-Options" not in headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert 'name="hingecraft-site" content="https://www.example.com/charity"' in page


STRIPE = {
    "script-src": ["https://js.stripe.com", "https://*.js.stripe.com"],
    "frame-src": ["https://js.stripe.com", "https://*.js.stripe.com", "https://hooks.stripe.com"],
    "connect-src": ["'self'", "https://api.stripe.com"],
}


@pytest.mark.parametrize(
    ("path", "admitted"),
    [("/shop", STRIPE), *((path, {"connect-src": ["'self'"]}) for path in ("/shop/return", "/account"))],
)
async def test_only_the_page_that_takes_cards_admits_stripe(dsn, path, admitted):
    async with running_pod(dsn) as pod, pod.client.get(pod.public + path) as response:
        page, headers = await response.text(), response.headers
    policy = {name: sources for name, *sources in map(str.split, headers["Content-Security-Policy"].split(";"))}
    own = {"script-src": policy["script-src"][0], "style-src": policy["style-src"][0]}
    assert all(source.startswith("'sha256-") for source in own.values())
    assert policy == {
        "default-src": ["'none'"], "style-src": [own["style-src"]], "img-src": ["data:"], "base-uri": ["'none'"],
        "form-action": ["'none'"], "frame-ancestors": ["'none'"],
        **admitted, "script-src": [own["script-src"], *admitted.get("script-src", [])],
    }  # fmt: skip
    assert headers["X-Frame-Options"] == "DENY"
    assert ('name="hingecraft-stripe-js" content="https://js.stripe.com/endive/stripe.js"' in page) == (path == "/shop")


async def test_further_origins_may_frame_a_page(dsn):
    async with running_pod(dsn, embed_origins="https://*.editorx.io, https://shop.example") as pod:
        async with pod.client.get(pod.public + PAGES[0]) as response:
            policy = response.headers["Content-Security-Policy"]
    assert policy.endswith("https://*.wixstudio.com https://*.editorx.io https://shop.example")


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_is_sent_small_and_only_when_it_is_new(dsn, path):
    async with running_pod(dsn) as pod:
        plain = await (await pod.client.get(pod.public + path, headers={"Accept-Encoding": "identity"})).read()
        async with pod.client.get(pod.public + path, headers={"Accept-Encoding": "gzip"}) as response:
            assert response.headers["Content-Encoding"] == "gzip"
            etag = response.headers["ETag"]
            assert await response.read() == plain
        assert len(gzip.compress(plain)) < 40 * 1024
        known = {"Accept-Encoding": "gzip", "If-None-Match": etag}
        async with pod.client.get(pod.public + path, headers=known) as response:
            assert response.status == 304
            assert await response.read() == b""


async def test_an_address_is_written_as_a_text(dsn):
    async with running_pod(dsn, site_url='https://www.example.com/"onload="x') as pod:
        page = await (await pod.client.get(pod.public + PAGES[0])).text()
        assert 'content="https://www.example.com/&quot;onload=&quot;x"' in page
