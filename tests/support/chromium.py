"""A Chromium that is driven as a person with a keyboard drives it, over its own protocol."""

from __future__ import annotations

import asyncio
import base64
import itertools
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from support.limits import PROGRESS

_LISTENING = re.compile(rb"DevTools listening on ws://127\.0\.0\.1:(\d+)/")
_KEYS = {"Tab": 9, "Enter": 13, "ArrowDown": 40}
RESULTS = Path(__file__).parents[2] / "test_results" / "browser"


class Page:
    """One tab."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(PROGRESS):
            while True:
                message = await self._socket.receive_json()
                if message.get("id") == number:
                    assert "error" not in message, message
                    found: dict[str, Any] = message["result"]
                    return found

    async def value(self, script: str) -> Any:
        result = await self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        return result["result"].get("value")

    async def open(self, url: str) -> None:
        await self.call("Page.navigate", url=url)
        await self.until(f"document.readyState === 'complete' && location.href === {url!r}")

    async def until(self, script: str, within: float = PROGRESS) -> None:
        async with asyncio.timeout(within):
            while not await self.value(script):
                await asyncio.sleep(0.05)

    async def press(self, key: str) -> None:
        """One key, down and up."""
        text = {"text": "\r"} if key == "Enter" else {}
        common = {"key": key, "code": key, "windowsVirtualKeyCode": _KEYS[key]}
        await self.call("Input.dispatchKeyEvent", type="keyDown", **common, **text)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    async def submit(self, key: str = "Enter") -> None:
        """A key that leads to another page, which may look just like the one before it."""
        await self.value("window.isBefore = true")
        await self.press(key)
        await self.until("!window.isBefore && document.readyState === 'complete'")

    async def type(self, text: str) -> None:
        await self.call("Input.insertText", text=text)

    async def tab_to(self, name: str, at_most: int = 20) -> None:
        """Tab until the focus is on what is called that, as a person without a mouse would."""
        seen = []
        for _ in range(at_most):
            await self.press("Tab")
            focused = await self.value(
                "(e => (e.labels?.[0]?.innerText || e.innerText || e.value || e.tagName).trim())"
                "(document.activeElement)"
            )
            seen.append(focused)
            if focused.startswith(name):
                return
        raise AssertionError(f"no {name} among {seen}")

    async def seen(self) -> str:
        """The visible text of the page, also of a page that may not run scripts."""
        snapshot = await self.call("DOMSnapshot.captureSnapshot", computedStyles=[])
        strings = snapshot["strings"]
        return " ".join(strings[index] for index in snapshot["documents"][0]["layout"]["text"] if index >= 0)

    async def screenshot(self, name: str) -> None:
        """Kept with the other results, to be looked at."""
        RESULTS.mkdir(parents=True, exist_ok=True)
        shot = await self.call("Page.captureScreenshot", format="png")
        (RESULTS / f"{name}.png").write_bytes(base64.b64decode(shot["data"]))


@asynccontextmanager
async def chromium(folder: Path, *flags: str) -> AsyncIterator[Page]:
    """A browser with nothing remembered, ended afterwards."""
    program = shutil.which("chromium")
    if program is None:
        pytest.fail("not run: chromium is missing (apt-get install chromium)", pytrace=False)
    process = await asyncio.create_subprocess_exec(
        program, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0",
        "--window-size=900,900",
        f"--user-data-dir={folder / 'chromium'}", *flags, "about:blank",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        async with asyncio.timeout(PROGRESS), aiohttp.ClientSession() as client:
            port = None
            while port is None:
                found = _LISTENING.search(await process.stderr.readline())
                port = int(found[1]) if found else None
            async with client.get(f"http://127.0.0.1:{port}/json") as response:
                tab = next(each for each in await response.json() if each["type"] == "page")
            socket = await client.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0)
            page = Page(socket)
            await page.call("Page.enable")
            yield page
            await socket.close()
    finally:
        process.terminate()
        await process.wait()
