"""Donations: checkouts, prefills and the public total."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from hingecraft.donations import prefills
from hingecraft.donations.checkouts import Checkouts
from hingecraft.wix_app.site_settings.appearance import Appearances
from hingecraft_api.expiry import keep_deleting
from hingecraft_api.feature import Feature, Work
from hingecraft_api.handlers import donations
from hingecraft_api.handlers.pages import appearance
from hingecraft_api.pod import Pod


def _parts(pod: Pod) -> Iterable[object]:
    yield Checkouts(pod.database, pod.providers)
    owners = pod.settings.wix_owner_instances
    yield Appearances(pod.database, UUID(owners[0]) if owners else None)


def _works(pod: Pod) -> Mapping[str, Work]:
    return {
        "deleting donors' personal data": lambda: keep_deleting(lambda: prefills.erase_personal_data(pod.database)),
    }


DONATIONS = Feature(
    endpoints=[*donations.ENDPOINTS, *appearance.ENDPOINTS],
    parts=_parts,
    works=_works,
)
