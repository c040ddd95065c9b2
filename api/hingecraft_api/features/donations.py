"""Donations: checkouts, prefills and the public total."""

from __future__ import annotations

from hingecraft.donations.checkouts import Checkouts
from hingecraft_api.feature import Feature
from hingecraft_api.handlers import donations

DONATIONS = Feature(
    endpoints=donations.ENDPOINTS,
    parts=lambda pod: [Checkouts(pod.database, pod.providers)],
)
