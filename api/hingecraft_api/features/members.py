"""What members' systems share: deleting a user."""

from __future__ import annotations

from collections.abc import Iterable

from hingecraft.members.customers.service import Customers
from hingecraft.members.deletion.service import Deletion
from hingecraft_api.feature import Feature
from hingecraft_api.handlers import admin_users
from hingecraft_api.pod import Pod


def _parts(pod: Pod) -> Iterable[object]:
    stripe = pod.providers.stripe
    yield Deletion(pod.database, Customers(pod.database, stripe.customers, livemode=stripe.livemode))


MEMBERS = Feature(endpoints=admin_users.ENDPOINTS, parts=_parts)
