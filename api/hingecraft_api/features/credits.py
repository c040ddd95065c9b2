"""Members' credits: balances, history, spending and adjustments."""

from __future__ import annotations

from hingecraft.credits.spending import Spending
from hingecraft_api.feature import Feature
from hingecraft_api.handlers import credits as handlers

CREDITS = Feature(
    endpoints=[*handlers.ENDPOINTS, *handlers.ADMIN_ENDPOINTS],
    parts=lambda pod: [Spending(pod.database)],
)
