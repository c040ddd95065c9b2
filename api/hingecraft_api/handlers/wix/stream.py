"""The owner's dashboard: news of changes, as an event stream."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

from hingecraft.dashboard.changes import ChangesFeed, News, Reader, position_of
from hingecraft_api.handlers.wix.owner_endpoints import owners
from hingecraft_api.handlers.wix.sites import site_of
from hingecraft_api.web.call import Call
from hingecraft_api.web.streams import Stream

_LAST_EVENT_ID = "Last-Event-ID"
# Seconds. Proxies close connections on which nothing is sent for a minute or less.
_HEARTBEAT = 15.0
_LONGEST = 3600.0
_RETRY = b"retry: 3000\n\n"
_HEARTBEAT_LINE = b": still here\n\n"
_REMOVED = b'event: end\ndata: {"reason":"removed"}\n\n'


async def get_stream(call: Call) -> Any:
    """News until the token ends, the site removes the app, or the pod drains."""
    feed = call.pod.parts[ChangesFeed]
    last = position_of(call.request.headers.get(_LAST_EVENT_ID, ""))
    stack = AsyncExitStack()
    reader = await stack.enter_async_context(feed.reader(site_of(call), last))
    return Stream(
        parts=_parts(reader, stack),
        content_type="text/event-stream",
        endless=True,
        ends_within=_seconds_left(call),
        headers={"X-Accel-Buffering": "no"},
    )


def _seconds_left(call: Call) -> float:
    ends_at = call.principal.expires_at
    left = (ends_at - datetime.now(UTC)).total_seconds() if ends_at is not None else _LONGEST
    return max(0.0, min(left, _LONGEST))


async def _parts(reader: Reader, stack: AsyncExitStack) -> AsyncGenerator[bytes, None]:
    async with stack:
        yield _RETRY + f"id: {reader.position}\nevent: ready\ndata: {{}}\n\n".encode()
        while not reader.removed:
            news = await reader.next(_HEARTBEAT)
            if news is not None:
                yield _event(news)
            elif not reader.removed:
                yield _HEARTBEAT_LINE
        yield _REMOVED


def _event(news: News) -> bytes:
    data: dict[str, Any] = {"payments": [str(each) for each in news.payments], "more": news.more}
    if news.version is not None:
        data["routesVersion"] = news.version
    return f"id: {news.position}\nevent: changed\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


ENDPOINTS = [
    owners(
        "GET",
        "stream",
        get_stream,
        "Follow changes",
        None,
        description="An event stream (`text/event-stream`), to be read with `fetch`, since an `EventSource` cannot "
        "send the token. It begins with an event `ready`. An event `changed` has "
        '`{"payments": [ids], "more": false, "routesVersion": 42}`: read those payments again; with `more`, read the '
        "list and the overview again; `routesVersion` is there when the routes have changed. A comment comes every 15 "
        "seconds. The stream ends with the token, after an hour, and when the pod is stopped: connect again with the "
        "last `id` in `Last-Event-ID`, and you get what you have missed. An event `end` means that the app was removed "
        "from the site: do not connect again. A site may have 20 streams open; poll when you get 429.",
        media="text/event-stream",
        headers={
            _LAST_EVENT_ID: {
                "type": "string",
                "description": "the `id` of the last event; leave it out at first",
                "examples": ["1001.42"],
            }
        },
        errors=("too_many_streams",),
    ),
]
