"""Common to every pod: health, the inbox, idempotency keys, metrics of the reconciliation."""

from __future__ import annotations

from collections.abc import Mapping

from hingecraft.idempotency import service as idempotency
from hingecraft.inbox.reopening import keep_reopening
from hingecraft.inbox.store import Backlog
from hingecraft.inbox.watch import watch
from hingecraft.reconcile.model import LastRun
from hingecraft.reconcile.watch import watch as watch_runs
from hingecraft_api.expiry import keep_deleting
from hingecraft_api.feature import Feature, Work
from hingecraft_api.handlers import health
from hingecraft_api.pod import Pod

_RESULTS = {True: "succeeded", False: "failed"}


def _works(pod: Pod) -> Mapping[str, Work]:
    def show(backlog: Backlog) -> None:
        pod.metrics.inbox.waiting.set(backlog.waiting)
        pod.metrics.inbox.oldest.set(backlog.oldest)

    def show_run(last: LastRun) -> None:
        pod.metrics.reconciliation.finished_at.set(last.finished_at)
        pod.metrics.reconciliation.succeeded.set(last.succeeded)
        for what, number in last.numbers.items():
            pod.metrics.reconciliation.checkouts.labels(what).set(number)

    runs = {succeeded: pod.metrics.reconciliation.runs.labels(_RESULTS[succeeded]) for succeeded in _RESULTS}

    def count_run(succeeded: bool) -> None:  # noqa: FBT001 - `watch` calls it with the one fact of a run
        runs[succeeded].inc()

    return {
        "deleting old idempotency keys": lambda: keep_deleting(lambda: idempotency.purge(pod.database)),
        "working on the inbox": pod.worker.run,
        "opening events that were ignored": lambda: keep_reopening(pod.database, pod.worker.handlers),
        "watching the inbox": lambda: watch(pod.database, show),
        "watching the reconciliation": lambda: watch_runs(pod.database, show_run, count_run),
    }


OPERATIONS = Feature(endpoints=health.ENDPOINTS, internal=health.ENDPOINTS, works=_works)
