"""The Wix app's backend: sites, their plans and credits, and the events of Wix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hingecraft.inbox.handlers import Registration
from hingecraft.wix_app.plans.unknown_products import watch
from hingecraft.wix_app.webhooks import applying
from hingecraft.wix_app.webhooks.receiving import WixMessages
from hingecraft_api.feature import Feature, Work
from hingecraft_api.handlers import wix_events, wix_settings, wix_sites, wix_webhooks
from hingecraft_api.handlers.wix_events import PageEvents
from hingecraft_api.pod import Pod


def _parts(pod: Pod) -> Iterable[object]:
    yield WixMessages(pod.settings)
    yield PageEvents()


def _events(_pod: Pod) -> Iterable[Registration]:
    return applying.registrations()


def _works(pod: Pod) -> Mapping[str, Work]:
    show = pod.metrics.wix_unknown_products.set
    return {"watching unknown products of Wix": lambda: watch(pod.database, show)} if pod.settings.wix_app_id else {}


WIX_APP = Feature(
    endpoints=[
        *wix_webhooks.ENDPOINTS,
        *wix_sites.ENDPOINTS,
        *wix_settings.ENDPOINTS,
        *wix_events.ENDPOINTS,
    ],
    parts=_parts,
    events=_events,
    works=_works,
)
