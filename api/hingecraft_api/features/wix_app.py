"""The Wix app's backend: sites, their plans and credits, and the events of Wix."""

from __future__ import annotations

from collections.abc import Iterable

from hingecraft.inbox.handlers import Registration
from hingecraft.wix_app.webhooks import applying
from hingecraft.wix_app.webhooks.receiving import WixMessages
from hingecraft_api.feature import Feature
from hingecraft_api.handlers import wix_sites, wix_webhooks
from hingecraft_api.pod import Pod


def _parts(pod: Pod) -> Iterable[object]:
    yield WixMessages(pod.settings)


def _events(_pod: Pod) -> Iterable[Registration]:
    return applying.registrations()


WIX_APP = Feature(
    endpoints=[*wix_webhooks.ENDPOINTS, *wix_sites.ENDPOINTS],
    parts=_parts,
    events=_events,
)
