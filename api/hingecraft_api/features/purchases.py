"""Products that members buy: payments of them, purchases, access and downloads."""

from __future__ import annotations

from collections.abc import Iterable

from hingecraft.members.subscriptions.service import Copies
from hingecraft.purchases.cancelling import Cancelling
from hingecraft.purchases.checkouts import ProductPayments
from hingecraft.purchases.downloads.service import Downloads
from hingecraft.purchases.downloads.storage import storage_of
from hingecraft.purchases.products.service import Products
from hingecraft.purchases.service import PurchaseReader
from hingecraft.systems import FAMILIES
from hingecraft_api.feature import Feature
from hingecraft_api.handlers.members import downloads, products, purchases
from hingecraft_api.handlers.members import payments as member_payments
from hingecraft_api.pod import Pod


def _parts(pod: Pod) -> Iterable[object]:
    settings, stripe = pod.settings, pod.providers.stripe
    grace_hours = settings.renewal_grace_hours
    reader = PurchaseReader(pod.database, livemode=stripe.livemode, grace_hours=grace_hours)
    yield Products(pod.database, pod.currencies)
    yield ProductPayments(pod.database, pod.providers, pod.currencies, pod.books, grace_hours=grace_hours)
    yield reader
    yield Cancelling(pod.database, stripe.subscriptions, Copies(pod.database, stripe.subscriptions, FAMILIES), reader)
    yield Downloads(
        pod.database,
        storage_of(settings),
        settings.download_secret,
        url_seconds=settings.download_url_seconds,
        grace_hours=grace_hours,
        livemode=stripe.livemode,
        failed=lambda failure: pod.metrics.payments.download_failures.labels(failure).inc(),
    )


PURCHASES = Feature(
    endpoints=[
        *products.ENDPOINTS,
        *member_payments.ENDPOINTS,
        *purchases.ENDPOINTS,
        *downloads.ENDPOINTS,
        *products.ADMIN_ENDPOINTS,
    ],
    parts=_parts,
)
