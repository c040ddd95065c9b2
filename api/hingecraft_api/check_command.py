"""`hingecraft check`: whether the backend at an address can serve, from outside; for `helm test` and for people."""

from __future__ import annotations

import argparse
import asyncio
import time
from http import HTTPStatus

import aiohttp

from hingecraft.cli import EXIT_FAILED, EXIT_OK, CheckResult, Command

_TIMEOUT = aiohttp.ClientTimeout(total=5)
# NetworkPolicies can refuse a new pod for seconds, until the network plug-in knows its address.
_REFUSED_AT_MOST = 10.0
_PAUSE = 0.5
_WIDTH = 17


async def checks(address: str) -> list[CheckResult]:
    """Check that the backend is alive, ready, serves routes, and answers 304 to clients that have them."""
    async with aiohttp.ClientSession(base_url=f"{address.rstrip('/')}/", timeout=_TIMEOUT) as session:
        await _wait_for_connection(session)
        found = [await _answers(session, "health", "alive"), await _answers(session, "ready", "ready to serve")]
        try:
            return [*found, *await _routes(session)]
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return [*found, CheckResult("routes", good=False, note=_words(error))]


async def _wait_for_connection(session: aiohttp.ClientSession) -> None:
    """Wait until connections are accepted, or fail in another way."""
    until = time.monotonic() + _REFUSED_AT_MOST
    while await _refuses_connections(session):
        if time.monotonic() > until:
            return
        await asyncio.sleep(_PAUSE)


async def _refuses_connections(session: aiohttp.ClientSession) -> bool:
    try:
        async with session.get("health"):
            return False
    except aiohttp.ClientConnectorError as error:
        return isinstance(error.os_error, ConnectionRefusedError)
    except (aiohttp.ClientError, TimeoutError):
        return False


async def _answers(session: aiohttp.ClientSession, path: str, what: str) -> CheckResult:
    try:
        async with session.get(path) as response:
            return CheckResult(what, good=response.status == HTTPStatus.OK, note=f"/{path} answered {response.status}")
    except (aiohttp.ClientError, TimeoutError) as error:
        return CheckResult(what, good=False, note=_words(error))


async def _routes(session: aiohttp.ClientSession) -> list[CheckResult]:
    async with session.get("routes") as response:
        document = await response.json()
        version, tag = document.get("data", {}).get("version"), response.headers.get("ETag", "")
        has_version = response.status == HTTPStatus.OK and isinstance(version, int)
        note = f"version {version}" if has_version else f"/routes answered {response.status}"
    async with session.get("routes", headers={"If-None-Match": tag}) as response:
        unchanged = response.status == HTTPStatus.NOT_MODIFIED
        return [
            CheckResult("routes", good=has_version, note=note),
            CheckResult("unchanged routes", good=unchanged, note=f"asked again: {response.status}"),
        ]


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("address", help="address of the backend, for example https://pay.example.com")


def _run(arguments: argparse.Namespace) -> int:
    found = asyncio.run(checks(arguments.address))
    for each in found:
        print(each.line(_WIDTH))
    return EXIT_OK if all(each.good for each in found) else EXIT_FAILED


COMMAND = Command(summary="check that the backend at an address can serve", run=_run, arguments=_arguments)
