"""The Wix app: how soon its webhooks are answered at 200 a second, what the check of a token costs, exports, and
the owner's overview."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from bench import open_loop, wix_export, wix_overview
from bench.api_process import migrate, running_api
from bench.figures import Figure, say
from bench.open_loop import Message
from bench.servers import GENERATOR_CORE, postgres

from hingecraft.providers.patience import Deadline
from hingecraft.settings import Secret
from hingecraft.wix_app.client.model import TokenInfo
from hingecraft.wix_app.instances.local import LocalCheck
from hingecraft.wix_app.instances.token_info import TokenInfoCheck
from support import wix

RATE, SECONDS, WITHIN = 200, 20, 10
TOKENS, TOKEN_MS, ANSWER_MS = 5000, 0.2, 50


def run() -> Iterator[Figure]:
    yield _token()
    yield asyncio.run(_known_token())
    with postgres() as server:
        migrate(server)
        environment = {
            "WIX_APP_ID": wix.APP_ID, "WIX_APP_SECRET": wix.APP_SECRET, "WIX_APP_PUBLIC_KEY": wix.public_key(),
        }  # fmt: skip
        messages = [_purchase() for _ in range(RATE * (SECONDS + 1))]
        with running_api(server, **environment) as api:
            os.sched_setaffinity(0, {int(GENERATOR_CORE)})
            asyncio.run(open_loop.send(api.url + wix.WEBHOOK, messages[:RATE], RATE))
            found = asyncio.run(open_loop.send(api.url + wix.WEBHOOK, messages[RATE:], RATE))
            took = asyncio.run(open_loop.until_done(server.dsn("postgres"), 60))
            os.sched_setaffinity(0, set(range(os.cpu_count() or 1)))
    say(f"answered: p50 {statistics.median(found.seconds) * 1000:.1f} ms, p99 {found.p99 * 1000:.1f} ms")
    yield Figure(f"p99 of the answer to a webhook of Wix at {RATE}/s", found.p99 * 1000, ANSWER_MS, unit=" ms")
    yield Figure("webhooks of Wix that were not taken", found.failed, 0)
    yield Figure("all processed after the last", took, WITHIN, unit=" s")
    yield from wix_export.figures()
    yield from wix_overview.figures()


def _purchase() -> Message:
    data = {"operationTimeStamp": wix.iso(datetime.now(UTC)), "vendorProductId": "starter", "cycle": "MONTHLY"}
    return wix.message("PaidPlanPurchased", uuid4(), data).encode(), "not read"


class _Wix:
    """Knows every token; what its answers cost is not measured."""

    async def token_info(self, _token: str, _deadline: Deadline) -> TokenInfo:
        now = datetime.now(UTC)
        return TokenInfo(
            subject="USER", app_id=wix.APP_ID, instance_id=uuid4(), issued_at=now, expires_at=now + timedelta(hours=4)
        )  # fmt: skip


async def _known_token() -> Figure:
    check = TokenInfoCheck(_Wix(), wix.APP_ID)  # type: ignore[arg-type]  # all that the check calls
    tokens = [wix.signed(wix.fields_of(uuid4())) for _ in range(TOKENS)]
    for token in tokens:
        await check.verified(token)
    started = time.process_time()
    for token in tokens:
        await check.verified(token)
    each = (time.process_time() - started) / TOKENS * 1000
    return Figure("CPU of the check of a token that Wix has verified lately", each, TOKEN_MS, unit=" ms")


def _token() -> Figure:
    check, now = LocalCheck(wix.APP_ID, Secret(wix.APP_SECRET)), datetime.now(UTC)
    tokens = [wix.signed(wix.fields_of(uuid4())) for _ in range(TOKENS)]
    started = time.process_time()
    for token in tokens:
        check.verified_at(token, now)
    each = (time.process_time() - started) / TOKENS * 1000
    return Figure("CPU of the check of an instance token", each, TOKEN_MS, unit=" ms")
