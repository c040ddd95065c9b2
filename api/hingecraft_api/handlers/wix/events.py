"""The Wix app's dashboard reports how it is used: counted as a metric, and stored nowhere."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from hingecraft.identity.principal import Kind
from hingecraft_api.messages.answers import Answer
from hingecraft_api.messages.bodies import Input
from hingecraft_api.messages.described import MOMENT, described
from hingecraft_api.messages.sentences import Shape
from hingecraft_api.web.call import Call
from hingecraft_api.web.endpoint import Endpoint

_AT_ONCE = 50
# Pages choose the names, so only the first ones that a pod receives get a series of their own; all others share one.
_MOST_NAMES = 50
_OTHER = "other"

_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})$"


def _timestamp(sent: Any) -> Any:
    is_whole = isinstance(sent, int | float) and not isinstance(sent, bool) and sent == sent // 1
    if is_whole or (isinstance(sent, str) and re.fullmatch(_TIME, sent)):
        return sent
    raise ValueError("must be a time such as 2026-11-26T06:00:00Z, or milliseconds since 1970")


Timestamp = Annotated[
    str | int,
    PlainValidator(_timestamp),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": _TIME}, {"type": "integer"}]}),
]
EventName = Annotated[str, Shape("^[A-Za-z][A-Za-z0-9_]{0,63}$", "must be a name such as upgrade_clicked")]


class PageEvent(Input):
    """Something that was done in the dashboard."""

    src: Annotated[int | None, described("Wix's number of the source", 170, ge=0)] = None
    evid: Annotated[int | None, described("Wix's number of the event", 12, ge=0)] = None
    event_name: Annotated[EventName, described("what was done", "upgrade_clicked")]
    timestamp: Annotated[Timestamp, described("when; milliseconds since 1970 are accepted too", MOMENT)]
    params: Annotated[
        dict[str, str | int | bool | None],
        described("not stored; send nothing personal", {"plan": "pro"}, max_length=20),
    ] = {}  # noqa: RUF012 - pydantic copies it


class PageEventsInput(Input):
    """Events, in any order."""

    events: Annotated[list[PageEvent], described("at most 50", min_length=1, max_length=_AT_ONCE)]


class PageEventsAnswer(Answer):
    """How many events were counted."""

    counted: Annotated[int, described("how many", 1)]


class PageEvents:
    """Limits how many names of events the metric has; all others are counted under one name."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def label(self, name: str) -> str:
        """The name as the metric has it."""
        if name not in self._names and len(self._names) >= _MOST_NAMES:
            return _OTHER
        self._names.add(name)
        return name


async def post_events(call: Call) -> Any:
    body: PageEventsInput = call.body
    labels = call.pod.parts[PageEvents]
    for event in body.events:
        call.pod.metrics.wix_app.page_events.labels(labels.label(event.event_name)).inc()
    return {"counted": len(body.events)}


ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/api/v1/wix/events",
        handler=post_events,
        summary="Report how the dashboard is used",
        description=f"At most {_AT_ONCE} events a call. They are counted by name in the metric "
        "`hingecraft_wix_page_events_total`, and not stored.",
        tag="Wix app",
        answer=PageEventsAnswer,
        body=PageEventsInput,
        access=(Kind.WIX_INSTANCE,),
        errors=("database_unavailable",),
    ),
]
