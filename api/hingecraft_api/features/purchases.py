"""What members buy: products, payments of them, purchases and access."""

from __future__ import annotations

from collections.abc import Iterable

from hingecraft.purchases.intents import ProductPayments
from hingecraft.purchases.products.service import Products
from hingecraft.purchases.service import PurchaseReader
from hingecraft_api.feature import Feature
from hingecraft_api.handlers import products, purchases
from hingecraft_api.pod import Pod


def _parts(pod: Pod) -> Iterable[object]:
    yield Products(pod.database, pod.currencies)
    yield ProductPayments(pod.database, pod.providers, pod.currencies, pod.books)
    yield PurchaseReader(pod.database, livemode=pod.providers.stripe.livemode)


PURCHASES = Feature(
    endpoints=[*products.ENDPOINTS, *purchases.ENDPOINTS, *products.ADMIN_ENDPOINTS],
    parts=_parts,
)
