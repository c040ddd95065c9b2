"""The Wix app's backend: sites, their plans and credits, and the events of Wix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hingecraft.inbox.handlers import Registration
from hingecraft.inbox.watch import keep_retrying
from hingecraft.systems import wix_app_events
from hingecraft.wix_app.billing.service import WixBilling
from hingecraft.wix_app.client.bi_events import BiEvents
from hingecraft.wix_app.plans.unknown_products import retry_known
from hingecraft.wix_app.webhooks.receiving import WixMessages
from hingecraft_api.feature import Feature, Work
from hingecraft_api.handlers.wix import billing, events, settings, sites, webhooks
from hingecraft_api.handlers.wix.events import PageEvents
from hingecraft_api.pod import Pod


def _parts(pod: Pod) -> Iterable[object]:
    for kind in (webhooks.FORGED, webhooks.EXPIRED):
        # There from the start: an increase is seen only of a series that is there before.
        pod.metrics.requests.refused_signatures.labels(kind)
    yield WixMessages(pod.settings)
    yield PageEvents()
    bi_events = BiEvents(pod.wix_client, enabled=pod.settings.wix_bi_events)
    yield bi_events
    yield WixBilling(pod.database, pod.wix_client, bi_events, pod.settings.public_url)


def _events(pod: Pod) -> Iterable[Registration]:
    return wix_app_events(pod.database, pod.wix_client)


def _works(pod: Pod) -> Mapping[str, Work]:
    show = pod.metrics.wix_app.unknown_products.set
    return (
        {"watching unknown products of Wix": lambda: keep_retrying(pod.database, retry_known, show)}
        if pod.settings.wix_app_id
        else {}
    )


WIX_APP = Feature(
    endpoints=[
        *webhooks.ENDPOINTS,
        *sites.ENDPOINTS,
        *settings.ENDPOINTS,
        *events.ENDPOINTS,
        *billing.ENDPOINTS,
    ],
    parts=_parts,
    events=_events,
    works=_works,
)
