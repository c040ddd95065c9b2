"""The operator's perturbation matrix: every call to the API server in a reconciliation, and how it fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Trouble(StrEnum):
    CRASH_BEFORE = "crash before"
    CRASH_AFTER = "crash after"
    STALE = "stale answer"
    LOST_EVENT = "lost event"
    CONFLICT = "409"
    FORBIDDEN = "403"
    SERVER_ERROR = "500"
    TIMEOUT = "time-out"


@dataclass(frozen=True)
class Call:
    """One call, by its method and by a pattern of its path."""

    name: str
    method: str
    path: str
    watched: bool = False

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """Only a read can be stale, only what is watched can lose an event."""
        return tuple(
            trouble
            for trouble in Trouble
            if not (trouble is Trouble.STALE and self.method != "GET")
            and not (trouble is Trouble.LOST_EVENT and not self.watched)
        )


CALLS = (
    Call("list the resources", "GET", "/paymentroutes$", watched=True),
    Call("read the resource", "GET", "/paymentroutes/main$"),
    Call("read the Secret of the database", "GET", "/secrets/database$"),
    Call("read the Secret of a webhook", "GET", "/secrets/hooks$"),
    Call("list the pods of the API", "GET", "/endpointslices$", watched=True),
    Call("read the CronJob", "GET", "/cronjobs/main-reconcile$", watched=True),
    Call("apply the CronJob", "PATCH", "/cronjobs/main-reconcile$"),
    Call("list the Jobs", "GET", "/jobs$", watched=True),
    Call("read the Secret of the providers", "GET", "/secrets/providers$"),
    Call("apply the status", "PATCH", "/paymentroutes/main/status$"),
    Call("write an Event", "POST", "/events$"),
)


def cells() -> Iterator[tuple[Call, Trouble]]:
    for call in CALLS:
        for trouble in call.troubles:
            yield call, trouble


def document() -> str:
    """docs/operator-matrix.md."""
    head = "| call | " + " | ".join(Trouble) + " |\n|---|" + "---|" * len(Trouble)
    rows = [
        f"| {call.name} | " + " | ".join("**same**" if trouble in call.troubles else "-" for trouble in Trouble) + " |"
        for call in CALLS
    ]
    return _INTRODUCTION + "\n".join([head, *rows]) + "\n"


_INTRODUCTION = """# The operator's perturbation matrix

Written by `make generate` from `tests/support/operator_matrix.py`; the tier `kube` of `make test` runs every cell
against a real API server, with a proxy between the operator and it. In each cell the resource, its pods, its CronJob
and its data change at once, and the call of that row fails in the way of that column while the operator reacts.
**same** means: without help the operator comes to the same status, the same CronJob and the same pushed version as when
nothing fails. A cell that does not fails the run. A dash: a write cannot be stale, and only watches lose events.

- **crash before**, **crash after**: the operator ends while it waits for the answer, before or after the API server did
  what it was asked; another one starts.
- **stale answer**: the call is answered as it was before the change. **lost event**: the watches report nothing.
- **409**, **403**, **500**: answered so, five times in a row. **time-out**: never answered.

"""
