"""Members' subscriptions: copies of Stripe's, the plan, and the billing portal."""

from __future__ import annotations

from collections.abc import Iterable

from hingecraft.credits.running_plan import Plans
from hingecraft.inbox.handlers import Registration
from hingecraft.members.portal import Portal
from hingecraft.systems import system_events
from hingecraft_api.feature import Feature
from hingecraft_api.handlers.members import subscriptions
from hingecraft_api.pod import Pod


def _parts(pod: Pod) -> Iterable[object]:
    fixed = pod.settings.stripe_portal_configuration or None
    yield Portal(pod.database, pod.providers.stripe, Plans(), fixed=fixed)


def _events(pod: Pod) -> Iterable[Registration]:
    return system_events(pod.database, pod.providers)


SUBSCRIPTIONS = Feature(endpoints=subscriptions.ENDPOINTS, parts=_parts, events=_events)
