"""The owner's dashboard in Wix: what it reads, and the figures behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hingecraft.dashboard.changes import ChangesFeed
from hingecraft.dashboard.overview.service import OverviewReader, keep_folded
from hingecraft.dashboard.switches import Switches
from hingecraft.payments.refunds.service import RefundService
from hingecraft_api.feature import Feature, Work
from hingecraft_api.handlers.wix import overview, payments, refunds, routes, stream
from hingecraft_api.pod import Pod


def _parts(pod: Pod) -> Iterable[object]:
    stripe = pod.providers.stripe
    yield OverviewReader(pod.database, livemode=pod.livemode)
    yield RefundService(
        pod.database, stripe.refunds, pod.currencies, livemode=stripe.livemode, configured=stripe.configured
    )
    yield Switches(pod.database)
    yield ChangesFeed(pod.database)


def _works(pod: Pod) -> Mapping[str, Work]:
    return {"adding up figures": lambda: keep_folded(pod.database)}


WIX_DASHBOARD = Feature(
    endpoints=[
        *overview.ENDPOINTS,
        *payments.ENDPOINTS,
        *refunds.ENDPOINTS,
        *routes.ENDPOINTS,
        *stream.ENDPOINTS,
    ],
    parts=_parts,
    works=_works,
)
