"""Donations: checkouts, prefills and the public total."""

from __future__ import annotations

from collections.abc import Mapping

from hingecraft.donations import prefills
from hingecraft.donations.checkouts import Checkouts
from hingecraft_api.expiry import keep_deleting
from hingecraft_api.feature import Feature, Work
from hingecraft_api.handlers import donations
from hingecraft_api.pod import Pod


def _works(pod: Pod) -> Mapping[str, Work]:
    return {
        "deleting donors' personal data": lambda: keep_deleting(lambda: prefills.erase_personal_data(pod.database)),
    }


DONATIONS = Feature(
    endpoints=donations.ENDPOINTS,
    parts=lambda pod: [Checkouts(pod.database, pod.providers)],
    works=_works,
)
