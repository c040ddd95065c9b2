"""The job that reconciles now, with everything that is open, as `hingecraft reconcile --once --all` does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from hingecraft.installation.accounts import WrongAccountError
from hingecraft.jobs.model import JobFailedError, Progress
from hingecraft.jobs.running import RunningJob
from hingecraft.reconcile.service import Reconciler, Stage
from hingecraft.steps import Options, Summary

KIND = "reconcile"

_EVERYTHING = Options(every_checkout=True)


class ReconcileJob:
    """Safe to begin again after any step, and beside another reconciliation."""

    kind = KIND

    def __init__(self, reconciler: Callable[[], Reconciler]) -> None:
        self._reconciler = reconciler

    async def run(self, job: RunningJob) -> Mapping[str, Any]:
        """Raises JobFailedError if something could not be asked; the rest is done all the same."""
        clock = asyncio.get_running_loop().time

        def watch(stage: Stage) -> None:
            began = clock()
            job.progress = lambda: _progress(stage, clock() - began)

        try:
            summary = await self._reconciler().run(_EVERYTHING, watch)
        except WrongAccountError as error:
            raise JobFailedError(str(error)) from error
        result = _result(summary)
        if not summary.succeeded:
            raise JobFailedError("Not everything could be checked: " + "; ".join(summary.reasons), result)
        return result


def _progress(stage: Stage, seconds: float) -> Progress:
    done = stage.summary
    counts = {
        "events read": done.events_read,
        "events processed": done.events_processed,
        "checkouts checked": done.checked,
        "sites asked about": done.wix_sites_checked,
    }
    told = "".join(f", {number:,} {what}" for what, number in counts.items() if number)
    return Progress(percent=stage.number * 100 // stage.of, step=f"{stage.name} ({seconds:.0f} s{told})")


def _result(summary: Summary) -> Mapping[str, Any]:
    counts = {name: number for name, number in asdict(summary).items() if type(number) is int and number}
    return {**counts, "reasons": list(summary.reasons)}
