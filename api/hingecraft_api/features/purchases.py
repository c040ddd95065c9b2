"""Products that members buy: payments of them, purchases, access and downloads."""

from __future__ import annotations

from collections.abc import Iterable

from hingecraft.purchases.downloads.service import Downloads
from hingecraft.purchases.downloads.storage import storage_of
from hingecraft.purchases.intents import ProductPayments
from hingecraft.purchases.products.service import Products
from hingecraft.purchases.service import PurchaseReader
from hingecraft_api.feature import Feature
from hingecraft_api.handlers import downloads, products, purchases
from hingecraft_api.pod import Pod


def _parts(pod: Pod) -> Iterable[object]:
    settings = pod.settings
    yield Products(pod.database, pod.currencies)
    yield ProductPayments(pod.database, pod.providers, pod.currencies, pod.books)
    yield PurchaseReader(pod.database, livemode=pod.providers.stripe.livemode)
    yield Downloads(
        pod.database,
        storage_of(settings),
        settings.download_secret,
        url_seconds=settings.download_url_seconds,
        grace_hours=settings.renewal_grace_hours,
        livemode=pod.providers.stripe.livemode,
    )


PURCHASES = Feature(
    endpoints=[*products.ENDPOINTS, *purchases.ENDPOINTS, *downloads.ENDPOINTS, *products.ADMIN_ENDPOINTS],
    parts=_parts,
)
