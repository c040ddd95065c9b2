"""The Wix app's backend: sites, their plans and credits, and the events of Wix."""

from __future__ import annotations

from collections.abc import Iterable

from hingecraft.inbox.handlers import Registration
from hingecraft.wix_app.billing.service import WixBilling
from hingecraft.wix_app.client.bi_events import BiEvents
from hingecraft.wix_app.webhooks import applying
from hingecraft.wix_app.webhooks.receiving import WixMessages
from hingecraft_api.feature import Feature
from hingecraft_api.handlers import wix_billing, wix_sites, wix_webhooks
from hingecraft_api.pod import Pod


def _parts(pod: Pod) -> Iterable[object]:
    yield WixMessages(pod.settings)
    bi_events = BiEvents(pod.wix_client, enabled=pod.settings.wix_bi_events)
    yield bi_events
    yield WixBilling(pod.database, pod.wix_client, bi_events, pod.settings.public_url)


def _events(_pod: Pod) -> Iterable[Registration]:
    return applying.registrations()


WIX_APP = Feature(
    endpoints=[*wix_webhooks.ENDPOINTS, *wix_sites.ENDPOINTS, *wix_billing.ENDPOINTS],
    parts=_parts,
    events=_events,
)
