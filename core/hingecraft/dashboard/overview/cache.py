"""Figures of periods that were asked for lately, kept until something is added to any figure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from hingecraft.dashboard.overview import store
from hingecraft.dashboard.overview.model import Figures, Period
from hingecraft.db.connection import Connection

# A year in five currencies takes a megabyte.
_MOST = 8


class FiguresCache:
    """Those that one process has read."""

    def __init__(self) -> None:
        self._rows: OrderedDict[Period, tuple[store.Stamp, Sequence[Figures]]] = OrderedDict()

    async def of(self, conn: Connection, period: Period, stamp: store.Stamp) -> Sequence[Figures]:
        """The sums of each span of the period. `stamp` is that of the caller's snapshot."""
        found, rows = self._rows.pop(period, (None, ()))
        if found != stamp:
            rows = await store.figures(conn, period.spans, period.begins)
        self._rows[period] = stamp, rows
        while len(self._rows) > _MOST:
            self._rows.popitem(last=False)
        return rows
