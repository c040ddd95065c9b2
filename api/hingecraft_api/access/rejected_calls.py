"""Calls rejected before they have any effect: each is counted, and one a minute per reason goes into the audit log."""

from __future__ import annotations

import asyncio
import logging
import time

from hingecraft import audit
from hingecraft.db.connection import Database
from hingecraft.errors import DatabaseUnavailableError
from hingecraft.observability.metrics import ApiMetrics

log = logging.getLogger(__name__)

_MINUTE = 60.0


class RejectedCalls:
    """A flood of forgeries costs a counter each and one row a minute, never a connection each."""

    def __init__(self, database: Database, metrics: ApiMetrics) -> None:
        self._database = database
        self._metrics = metrics
        self._written_at: dict[str, float] = {}
        self._writing: set[asyncio.Task[None]] = set()

    def record(self, reason: str, request_id: str) -> None:
        """Count it now; the row is written beside the answer."""
        self._metrics.requests.refused_signatures.labels(reason).inc()
        if not self.is_first_in_a_minute(reason):
            return
        task = asyncio.create_task(self._write(reason, request_id))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    def is_first_in_a_minute(self, what: str) -> bool:
        """Whether it is time to write about this again."""
        now = time.monotonic()
        if now - self._written_at.get(what, -_MINUTE) < _MINUTE:
            return False
        self._written_at[what] = now
        return True

    async def _write(self, reason: str, request_id: str) -> None:
        try:
            await audit.append_rejected_call(self._database, reason, request_id)
        except DatabaseUnavailableError as error:
            log.warning("a rejected request (%s) could not be written to the audit log: %s", reason, error)
