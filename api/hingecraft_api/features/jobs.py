"""Jobs of the Wix app's dashboard: exports, reconciliations and resyncs, which every pod works on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hingecraft.jobs import service
from hingecraft.jobs.model import Backlog, State
from hingecraft.jobs.watch import watch
from hingecraft.jobs.worker import JobWorker
from hingecraft.payments.export import PaymentExport
from hingecraft.reconcile.job import ReconcileJob
from hingecraft.reconcile.service import Reconciler
from hingecraft.routes.resync import Resync
from hingecraft.systems import reconcile_steps, system_events, wix_app_events
from hingecraft_api.expiry import keep_deleting
from hingecraft_api.feature import Feature, Work
from hingecraft_api.handlers.wix import jobs as wix_jobs
from hingecraft_api.pod import Pod


def _reconciler(pod: Pod) -> Reconciler:
    """With the pod's own parts; old data is deleted by `hingecraft reconcile` only."""
    return Reconciler(
        database=pod.database,
        providers=pod.providers,
        currencies=pod.currencies,
        books=pod.books,
        retention_days=None,
        steps=reconcile_steps(pod.database, pod.providers, pod.settings, pod.wix_client),
        others=[*system_events(pod.database, pod.providers), *wix_app_events(pod.database, pod.wix_client)],
    )


def _parts(pod: Pod) -> Iterable[object]:
    def ended(kind: str, state: State, seconds: float) -> None:
        pod.metrics.jobs.ended.labels(kind, state).inc()
        pod.metrics.jobs.seconds.labels(kind).observe(seconds)

    works = (PaymentExport(pod.database), ReconcileJob(lambda: _reconciler(pod)), Resync(pod.database))
    for work in works:
        # There from the start: an increase is seen only of a series that is there before.
        for state in (State.COMPLETED, State.FAILED):
            pod.metrics.jobs.ended.labels(work.kind, state)
    yield JobWorker(pod.database, works, ended)


def _works(pod: Pod) -> Mapping[str, Work]:
    def show(backlog: Backlog) -> None:
        for state in (State.QUEUED, State.PROCESSING):
            pod.metrics.jobs.unfinished.labels(state).set(backlog.by_state.get(state, 0))
        pod.metrics.jobs.stalled.set(backlog.stalled)

    deleting: Mapping[str, Work] = {"deleting old jobs": lambda: keep_deleting(lambda: service.purge(pod.database))}
    if not pod.settings.serves_wix_app:  # nobody can ask for jobs
        return deleting
    return {
        **deleting,
        "working on jobs": pod.parts[JobWorker].run,
        "watching jobs": lambda: watch(pod.database, show),
    }


JOBS = Feature(endpoints=wix_jobs.ENDPOINTS, parts=_parts, works=_works)
