"""/docs in a browser: judged by axe, at every width, by keyboard, and with scripts switched off."""

from __future__ import annotations

import asyncio
import json

import pytest

from support.chromium import chromium
from support.folders import open_folder
from support.limits import PROGRESS
from support.pods import running_pod
from toolchain import node_js

WIDTHS = (320, 768, 1280)
SCHEMES = ("light", "dark")
JUDGE = """
axe.run(document).then(({ violations, passes }) => JSON.stringify({
  violations: violations.map(({ id, nodes }) => [id, nodes.slice(0, 3).map(({ html }) => html)]),
  passes: passes.map(({ id }) => id),
}))
"""
ARTICLE = "post-charter-generate-payment"


@pytest.fixture
async def docs(dsn):
    with open_folder() as folder:
        async with running_pod(dsn, background=False) as pod, chromium(folder) as page:
            yield f"{pod.public}/docs", page


async def shows(page, width, scheme):
    await page.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    await page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])


async def test_the_page_passes_axe_and_fits_at_every_width_in_both_schemes(docs):
    address, page = docs
    node_js.modules()
    axe = (node_js.WIX / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
    for scheme in SCHEMES:
        for width in WIDTHS:
            await shows(page, width, scheme)
            await page.open(address)
            too_wide = await page.value("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert too_wide <= 0, f"{too_wide} px too wide at {width}"
            await page.value(axe + "; null")
            result = json.loads(await page.value(JUDGE))
            assert result["violations"] == [], f"{width} px, {scheme}"
            assert "color-contrast" in result["passes"], "axe has looked at nothing"
            await page.open(f"{address}#{ARTICLE}")
            await page.screenshot(f"docs-{width}-{scheme}")


async def test_by_keyboard_the_contents_are_skipped_and_a_call_is_found(docs):
    address, page = docs
    await shows(page, 320, "light")
    await page.open(address)
    await page.tab_to("Skip to the content")
    await page.press("Enter")
    await page.until("location.hash === '#content'")
    await page.open(address)
    await page.tab_to("Contents")
    await page.press("Enter")
    await page.until("document.querySelector('.menu').open")
    await page.tab_to("Give any amount in any currency", at_most=40)
    await page.press("Enter")
    await page.until(f"location.hash === '#{ARTICLE}'")
    await page.until(f"Math.abs(document.getElementById('{ARTICLE}').getBoundingClientRect().top) < 100")


async def test_without_javascript_everything_is_there(dsn):
    with open_folder() as folder:
        async with (
            running_pod(dsn, background=False) as pod,
            chromium(folder, "--blink-settings=scriptEnabled=false") as page,
        ):
            await page.call("Page.navigate", url=f"{pod.public}/docs#{ARTICLE}")
            async with asyncio.timeout(PROGRESS):
                while "A payment was refunded" not in await page.seen():
                    await asyncio.sleep(0.1)
            seen = await page.seen()
    for text in ("currencyDefaulted", "required", "idempotency_key_reused", "curl -s", "webhook-signature"):
        assert text in seen
