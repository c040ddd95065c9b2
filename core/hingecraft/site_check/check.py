"""Calls every `/_functions` export of a published site and explains what is missing.

Nothing is created: each function is called without arguments and rejects the call, before or after reading its secrets.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import aiohttp

from hingecraft.cli import CheckResult
from hingecraft.outbox.model import signature
from hingecraft.proxies import Proxies

FUNCTIONS = {
    "charter_page_middleware": (
        "onReady", "cryptoButtonClick", "fiatButtonClick", "getCumulativeTotal", "redirectBackToCharter"
    ),
    "mission_support_middleware": ("microPayment", "otherAmount", "getPrefill"),
    "stripe_api": ("getPublishableKey", "createCheckoutSession", "getPaymentStatus"),
    "nowpayments_api": ("createNowPaymentsInvoice", "getInvoiceStatus"),
}  # fmt: skip
_FLAG, _PAID = "hingecraftRoutesUpdate", "charter_page_middleware/afterPaymentWebhook"
# The preflight request of a browser for a frame of another host.
_PREFLIGHT = {
    "origin": "https://frame.example.com",
    "access-control-request-method": "POST",
    "access-control-request-headers": "content-type",
}
_TIMEOUT = aiohttp.ClientTimeout(total=20)
_REDIRECTS, _FAILURES = 3, 5
# A browser accepts each of these.
_ALLOWED = range(HTTPStatus.OK, HTTPStatus.NO_CONTENT + 1)
# The prefix of an error code if the site lacks a secret; the secret's name follows.
_NOT_SET = "missing_secret_"
# The code if our backend did not answer the site.
_AWAY = {"backend_unreachable", "timed_out"}
_SHOWN = 100
_WIDTH = 48


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    document: dict[str, Any] | None
    words: str
    allowed_origin: str = ""


async def checks(site: str, keys: Sequence[str], proxies: Proxies) -> AsyncIterator[CheckResult]:
    """Check everything that a page or the backend calls; `keys` are those of WEBHOOK_SECRET, if known here."""
    async with proxies.session(site, aiohttp.TCPConnector(), timeout=_TIMEOUT) as session:
        root = f"{site.rstrip('/')}/_functions"
        for module, names in FUNCTIONS.items():
            for name in names:
                answer = await _ask(session, "POST", f"{root}/{module}/{name}", b'{"args": []}')
                yield _of_function(f"{module}/{name}", answer)
        for module, (name, *_) in FUNCTIONS.items():
            yield _of_preflight(module, await _ask(session, "OPTIONS", f"{root}/{module}/{name}", b"", **_PREFLIGHT))
        yield _of_flag(await _ask(session, "GET", f"{root}/{_FLAG}"))
        yield await _of_forgery("forged news", session, f"{root}/{_FLAG}")
        yield await _of_forgery("forged payment", session, f"{root}/{_PAID}")
        if keys:
            yield await _of_signature(session, f"{root}/{_FLAG}", keys)


async def _ask(session: aiohttp.ClientSession, method: str, url: str, body: bytes = b"", **headers: str) -> _Answer:
    try:
        async with session.request(method, url, data=body or None, headers=headers, allow_redirects=False) as response:
            text = await response.text(errors="replace")
            try:
                document = json.loads(text)
            except ValueError:
                document = None
            allowed = response.headers.get("Access-Control-Allow-Origin", "")
            return _Answer(response.status, document if isinstance(document, dict) else None, text[:_SHOWN], allowed)
    except (aiohttp.ClientError, TimeoutError) as error:
        return _Answer(0, None, str(error) or type(error).__name__)


def _of_function(what: str, answer: _Answer) -> CheckResult:
    trouble = _trouble(answer)
    if trouble is None and not isinstance((answer.document or {}).get("success"), bool):
        trouble = "the answer is not from our code: is another http-functions.js published?"
    return CheckResult(what, good=trouble is None, note=trouble or "answers")


def _of_preflight(module: str, answer: _Answer) -> CheckResult:
    good = answer.status in _ALLOWED and answer.allowed_origin == "*"
    trouble = _trouble(answer) or f"frames of other hosts may not call it: options_{module} is not published"
    return CheckResult(f"{module}, called from a browser", good=good, note="allowed" if good else trouble)


def _trouble(answer: _Answer) -> str | None:
    code = str((answer.document or {}).get("code", ""))
    ours = answer.document is not None
    missing = code.removeprefix(_NOT_SET)
    absent, forbidden = (answer.status == each for each in (HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN))
    reasons = (
        (missing != code, f"the secret {missing} is not set: add it in the site's Secrets Manager"),
        (code in _AWAY, "the site cannot reach its backend: look at its secret HC_BACKEND_URL, and at the backend"),
        (answer.status == 0, f"no answer: {answer.words}"),
        (absent and ours, "the site has an older version of our code: publish wix/ again"),
        (absent, "there is no such function: publish the site with backend/http-functions.js"),
        (forbidden and not ours, "403 before our code: this is not the published site's address"),
        (answer.status // 100 == _REDIRECTS, "the site is at another address: give the one that the browser shows"),
        (answer.status // 100 == _FAILURES or code == "internal_error", "it failed: the site's logs in Wix say why"),
    )
    return next((f"{reason} ({answer.status})" for applies, reason in reasons if applies), None)


def _of_flag(answer: _Answer) -> CheckResult:
    version = ((answer.document or {}).get("data") or {}).get("version")
    unread = (answer.document or {}).get("code") == "internal_error"
    reasons = (
        "it cannot be read: make the collection HingeCraftFlags, or look at the site's logs in Wix" if unread else None,
        _trouble(answer),
        None if isinstance(version, int) else "it returned no version",
    )
    trouble = next(filter(None, reasons), None)
    note = trouble or (f"the site knows version {version}" if version else "the site has not received a version yet")
    return CheckResult("flag of the routes", good=trouble is None, note=note)


async def _of_forgery(what: str, session: aiohttp.ClientSession, url: str) -> CheckResult:
    """Check that a message with an unknown key is rejected."""
    answer = await _signed(session, url, [f"whsec_{secrets.token_hex(16)}"])
    refused = answer.status == HTTPStatus.FORBIDDEN and answer.document is not None
    trouble = (
        None
        if refused
        else _trouble(answer) or f"a forged message was accepted ({answer.status}): anyone could send one"
    )
    return CheckResult(what, good=refused, note=trouble or "refused")


async def _of_signature(session: aiohttp.ClientSession, url: str, keys: Sequence[str]) -> CheckResult:
    """An event that names no version: its signature is looked at first, and nothing changes."""
    answer = await _signed(session, url, keys)
    good = answer.status == HTTPStatus.BAD_REQUEST and answer.document is not None
    wrong = (
        "HC_WEBHOOK_SECRET of the site differs from WEBHOOK_SECRET here"
        if answer.status == HTTPStatus.FORBIDDEN
        else None
    )
    note = "verified" if good else wrong or _trouble(answer) or f"unexpected answer {answer.status}"
    return CheckResult("signature", good=good, note=note)


async def _signed(session: aiohttp.ClientSession, url: str, keys: Sequence[str]) -> _Answer:
    body, name, now = b'{"type":"site.check","data":{}}', f"msg_{secrets.token_hex(16)}", int(time.time())
    headers = {
        "webhook-id": name,
        "webhook-timestamp": str(now),
        "webhook-signature": signature(keys, name, now, body),
        "content-type": "application/json",
    }
    return await _ask(session, "POST", url, body, **headers)


async def report(site: str, keys: Sequence[str], proxies: Proxies) -> bool:
    """Print one line per check; returns whether all passed."""
    good = True
    async for found in checks(site, keys, proxies):
        print(found.line(_WIDTH), flush=True)
        good &= found.good
    return good


def run(site: str, keys: Sequence[str], proxies: Proxies) -> bool:
    """Run `report` in an event loop of its own."""
    return asyncio.run(report(site, keys, proxies))
