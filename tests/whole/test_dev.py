"""`hingecraft dev` as a person uses it: what it shows, what its keys do, and that it ends everything."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import termios
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from support.dev import COLUMNS, ESCAPES, SILENCE, Dev, DevOnTerminal, free_ports
from support.documented import ROOT, Shell
from support.folders import open_folder
from support.limits import PROGRESS
from support.tokens import token_for

pytestmark = pytest.mark.timeout(600)

# As the marks of documented commands name it.
PLACE = "tests/whole/test_dev.py"


@pytest.fixture
def folder():
    with open_folder() as made:
        yield made


@pytest.fixture(scope="module")
def kept():
    """A folder that the tests of this module share, since a first start takes longest."""
    with open_folder() as made:
        yield made


def psql(folder, statement: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hingecraft", "psql", "-c", statement],
        cwd=folder, capture_output=True, text=True, check=False, timeout=PROGRESS,
    )  # fmt: skip


async def give(dev: Dev, amount: str, currency: str) -> str:
    """A gift, up to the sandbox's payment page; answers that page's address."""
    address = f"http://127.0.0.1:{dev.ports.pods[0]}/charter/generate-payment"
    async with aiohttp.ClientSession() as client:
        async with client.post(address, json={"amount": amount, "currency": currency}) as response:
            assert response.status == 200, await response.text()
            url: str = (await response.json())["data"]["url"]
            return url


async def pay(page: str) -> None:
    async with aiohttp.ClientSession() as client:
        async with client.get(page) as response:
            action = re.findall(r'action="([^"]+/pay)"', await response.text())[0]
        place = urlsplit(page)
        async with client.post(f"{place.scheme}://{place.netloc}{action}", allow_redirects=False) as response:
            assert response.status == 303


async def buy_and_download(dev: Dev) -> None:
    """A demo design, as a member buys it on the page."""
    token = token_for(secret="dev-jwt-secret-that-signs-tokens-on-a-laptop")
    api = f"http://127.0.0.1:{dev.ports.pods[0]}"
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}, raise_for_status=True) as client:
        async with client.get(f"{api}/api/v1/products?type=design") as response:
            design = (await response.json())["data"]["items"][0]
        body = {"productType": "design", "productId": design["id"]}
        async with client.post(f"{api}/api/v1/payments", json=body) as response:
            intent = (await response.json())["data"]["clientSecret"].partition("_secret_")[0]
        await client.post(f"http://127.0.0.1:{dev.ports.sandbox}/pay/stripe/i/{intent}/pay", allow_redirects=False)
        await dev.until(r"purchase +12[.]50 USD +card +\w{8}  ✓ access to Brass hinge granted")
        async with client.get(f"{api}/api/v1/downloads/{design['id']}") as response:
            url = (await response.json())["data"]["url"]
        async with client.get(url) as response:
            assert response.headers["Content-Disposition"].startswith('attachment; filename="brass-hinge.svg"')
            assert "<title>Brass hinge" in await response.text()
    await dev.until(r"download +Brass hinge  brass-hinge[.]svg  1 of 3 used")


async def follow_the_pages(dev: Dev) -> None:
    """Run what they tell a person to type while it runs."""
    (payment,) = re.findall(
        r"\w{8}-[\w-]{27}", psql(dev.folder, "SELECT id FROM payments WHERE amount = 1234.5").stdout
    )
    (dev.folder / ".venv").symlink_to(ROOT / ".venv")
    examples = {"http://127.0.0.1:8080": f"http://127.0.0.1:{dev.ports.pods[0]}", "<payment id>": payment}
    shell = Shell(dev.folder, examples, PATH=f"{ROOT / '.venv/bin'}:{os.environ['PATH']}")
    shell.typed = "SELECT count(*) AS gifts FROM payments;\n"
    (printed,) = await shell.page("../README.md", PLACE)
    assert "X-Routes-Version" in printed
    assert "gifts" in printed
    (history,) = await shell.page("sandbox.md", PLACE)
    assert "status changed from pending to completed" in history
    await shell.page("members.md", PLACE)
    assert shell.environment["TOKEN"].startswith("ey")


async def codes(port: int) -> dict[str, object]:
    async with aiohttp.ClientSession() as client:
        async with client.get(f"http://127.0.0.1:{port}/routes") as response:
            routes: dict[str, object] = (await response.json())["data"]["routes"]
            return routes


async def test_in_a_pipe_it_says_plain_lines_from_the_first_start_to_the_last(folder):
    ports = free_ports()
    async with Dev(folder, ports) as dev:
        await dev.until("applying migrations")
        await dev.until(r"ready in [\d.]+ s")
        await dev.until("links kept")
        pages = [
            f"{ports.site}/charter",
            f"{ports.site}/mission-support",
            f"{ports.pods[0]}/embed/charter",
            f"{ports.pods[0]}/shop",
            f"{ports.sandbox}/wix/dashboard",
        ]
        async with aiohttp.ClientSession() as client:
            for page in pages:
                async with client.get(f"http://127.0.0.1:{page}") as response:
                    assert response.status == 200, page
        async with asyncio.timeout(SILENCE):
            while not (folder / ".dev/dashboard.log").exists():  # opened, so it is brought up to date
                await asyncio.sleep(0.05)
        added = psql(folder, "INSERT INTO currencies (code, name, symbol) VALUES ('XTS', 'Test money', 'T')")
        assert added.returncode == 0, added.stderr
        landed = await dev.until(r"routes +v(\d+) .*XTS on .*on 2 pods")
        await dev.until(rf"routes[.]updated v{landed[1]} .*✓")
        for port in ports.pods:
            assert "XTS" in await codes(port)
        await pay(await give(dev, "1234.5", "EUR"))
        await dev.until(r"gift +1,234[.]50 EUR +card +\w{8}  checkout made in \d+ ms")
        await dev.until(r"stripe → +checkout[.]session[.]completed +200  \d+ ms")
        await dev.until(r"gift +1,234[.]50 EUR +card +\w{8}  ✓ completed")
        await dev.until(r"site ← +payment[.]completed \w{8} +✓")
        await buy_and_download(dev)
        await follow_the_pages(dev)
        assert await dev.end() == 0
        assert "the data is kept" in dev.text.splitlines()[-1]
        assert "\033" not in dev.text, "escapes are for terminals"
    assert dev.nothing_runs()
    assert "not running" in psql(folder, "SELECT 1").stderr

    async with Dev(folder, ports) as again:
        await again.ready()
        assert "XTS" in await codes(ports.pods[0]), "a second start keeps the data"
        assert "migrations" not in again.text
        async with Dev(folder, free_ports(), "--reset") as second:
            await second.until("another `make dev` is running")
            assert await second.code() == 2
            assert second.text.count("\n") == 1, "nothing has ended: nothing had begun"
        assert "XTS" in await codes(ports.pods[0]), "what runs keeps its data"
        with open_folder() as elsewhere:
            async with Dev(elsewhere, ports) as third:
                await third.until(rf"port {ports.first} cannot be used .*make dev PORT={ports.first + 100}")
                assert await third.code() == 2
                assert third.text.count("\n") == 1
    assert again.nothing_runs()

    async with Dev(folder, ports, "--reset") as afresh:
        await afresh.ready()
        assert "XTS" not in await codes(ports.pods[0])


async def switch_francs(dev: DevOnTerminal) -> None:
    # The version that brings the last links has too many currencies to name: this one, or the one before it.
    await dev.until("links kept")
    await dev.press("c", "CHF is switched off")
    async with asyncio.timeout(PROGRESS):
        while "CHF" in await codes(dev.ports.pods[1]):
            await asyncio.sleep(0.05)
    await dev.press("c", "routes +.*CHF on")
    await dev.press("c", "routes +.*CHF off")
    assert "CHF" not in await codes(dev.ports.pods[1])
    await dev.until("CHF off[^\n]*\r?\n[^\n]*o[^\n]* open")  # the footer goes on saying so
    await dev.press("c", "routes +.*CHF on")


async def test_on_a_terminal_of_80_columns_every_key_does_what_it_says(kept):
    async with DevOnTerminal(kept, free_ports()) as dev:
        await dev.ready()
        await dev.until("● postgres.*● api-1.*● api-2.*● site.*● sandbox")
        assert "\033[32m" in dev.text, "colour, since nobody said NO_COLOR"
        await dev.press("h", "q  quit")
        for line in re.split(r"[\r\n]+", ESCAPES.sub("", dev.text)):
            assert len(line) < COLUMNS, line

        await switch_francs(dev)
        await dev.press("C", "code of the currency")
        await dev.press("gbx\177p\r", "GBP is switched off")
        await dev.press("C", "code of the currency")
        await dev.press("\033", "all keys")

        await dev.press("t", "no payments yet")
        await dev.press("w", "webhooks off")
        await pay(await give(dev, "25", "USD"))
        await dev.until(r"25[.]00 USD +card +\w{8}  checkout made")
        await dev.press("n", r"25[.]00 USD +card +\w{8}  .*✓ completed")
        await dev.press("w", "providers send webhooks again")
        await dev.press("t", "hingecraft trail [0-9a-f-]{36}")
        await dev.until("status changed from pending to completed")

        await dev.press("a", "account +open one of these, press Sign in")
        for page in ("account", "shop"):
            await dev.until(rf"/{page}#access_token=ey[\w-]+[.]")
        await dev.press("m", r"clock +the sandbox's subscriptions live on 20\d\d-")

        await dev.press("l", "log of: 1 postgres")
        await dev.press("2", "the end of .*api-1[.]log")
        await dev.press("o", "/charter")
        await dev.press("\033[A", "")  # the cockpit does not use arrow keys
        killed = dev.pods()[0]
        await dev.press("k", "api-1 +was ended by SIGKILL")
        await dev.until("api-1 +is up again after")
        assert dev.pods()[0] != killed

        os.write(dev.master, b"\x1a")  # Ctrl-Z
        while "\nState:\tT" not in Path(f"/proc/{dev.process.pid}/status").read_text():
            await asyncio.sleep(0.05)
        assert termios.tcgetattr(dev.other_end) == dev.modes_before, "the shell has its terminal back"
        dev.process.send_signal(signal.SIGCONT)
        await dev.press("h", "q  quit")
        await dev.press("r", r"ready in [\d.]+ s")
        await dev.until("● postgres.*● api-1.*● api-2.*● site.*● sandbox")
        await dev.press("q", "the data is kept")
        assert await dev.code() == 0
        assert termios.tcgetattr(dev.other_end) == dev.modes_before, "the terminal is as it was"
        assert dev.text.rindex("\033[?25h") > dev.text.rindex("\033[?25l"), "with its cursor"
    assert dev.nothing_runs()


async def test_no_color_is_obeyed_and_the_lights_still_differ(kept):
    async with DevOnTerminal(kept, free_ports(), NO_COLOR="1") as dev:
        await dev.until("○ api-1")
        await dev.ready()
        await dev.until("● api-1")
        assert not re.search(r"\033\[[0-9;]*m", dev.text)
        os.kill(dev.process.pid, signal.SIGHUP)  # the window is closed
        assert await dev.code() == 0
    assert dev.nothing_runs()


async def test_a_dashboard_that_cannot_be_built_is_said_and_tried_again(kept):
    async with DevOnTerminal(kept, free_ports(), HC_CACHE="/dev/null/cache") as dev:
        await dev.ready()
        async with aiohttp.ClientSession(raise_for_status=True) as client:
            for _ in range(2):
                before = len(dev.text)
                await client.get(f"http://127.0.0.1:{dev.ports.sandbox}/wix/dashboard")
                await dev.until("dashboard +was not built: .*Not a directory", before)
    assert dev.nothing_runs()


async def test_what_dies_is_started_again_and_shown(kept):
    async with Dev(kept, free_ports()) as dev:
        await dev.ready()
        first = dev.pods()
        os.kill(first[1], signal.SIGKILL)
        await dev.until("api-2 +was ended by SIGKILL; starting it again")
        await dev.until("api-2 +is up again after")
        assert dev.pods()[0] == first[0], "the other pod went on"
        assert "CHF" in await codes(dev.ports.pods[1])
        postgres = int((kept / ".dev/postgres/data/postmaster.pid").read_text().splitlines()[0])
        os.kill(postgres, signal.SIGQUIT)
        await dev.until("postgres +is up again")
        await give(dev, "5", "EUR")
        await dev.until("5[.]00 EUR .* checkout made")
        assert await dev.end() == 0
    assert dev.nothing_runs()


async def test_after_a_kill_the_next_start_takes_over(kept):
    ports = free_ports()
    async with Dev(kept, ports) as dev:
        await dev.ready()
        dev.process.kill()
        await dev.process.wait()
    async with Dev(kept, ports) as again:
        await again.ready()
    assert again.nothing_runs()


async def test_what_cannot_start_ends_everything_with_its_reason(kept):
    (kept / ".env").write_text("ADMIN_TOKEN=short\n")
    try:
        async with Dev(kept, free_ports()) as dev:
            await dev.until("hingecraft dev: .*ADMIN_TOKEN needs at least 8 characters")
            assert await dev.code() == 2
    finally:
        (kept / ".env").unlink()
    assert dev.nothing_runs()


async def test_a_folder_that_cannot_be_written_to_is_named(folder):
    (folder / ".dev").write_text("in the way")
    async with Dev(folder, free_ports()) as dev:
        await dev.until("hingecraft dev: cannot write to")
        assert await dev.code() == 2


def test_psql_says_what_is_missing(folder):
    done = psql(folder, "SELECT 1")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "`make dev` is not running in this folder" in done.stderr


def test_the_sandbox_logs_each_event_with_its_answer(kept):
    entries = [json.loads(line) for line in (kept / ".dev/sandbox.log").read_text().splitlines() if line[0] == "{"]
    sent = [entry for entry in entries if entry["message"] == "sent an event"]
    assert all({"provider", "event", "status", "ms", "again"} <= set(entry) for entry in sent)
