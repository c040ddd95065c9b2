"""Deletes users, for all systems that know members."""

from __future__ import annotations

from collections.abc import Iterable

from hingecraft.members.deletion.service import Deletion
from hingecraft_api.feature import Feature
from hingecraft_api.handlers.admin import users as admin_users
from hingecraft_api.pod import Pod


def _parts(pod: Pod) -> Iterable[object]:
    yield Deletion(pod.database, pod.providers.stripe)


MEMBERS = Feature(endpoints=admin_users.ENDPOINTS, parts=_parts)
