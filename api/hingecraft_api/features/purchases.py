"""The products that members buy."""

from __future__ import annotations

from collections.abc import Iterable

from hingecraft.purchases.products.service import Products
from hingecraft_api.feature import Feature
from hingecraft_api.handlers import products
from hingecraft_api.pod import Pod


def _parts(pod: Pod) -> Iterable[object]:
    yield Products(pod.database, pod.currencies)


PURCHASES = Feature(endpoints=[*products.ENDPOINTS, *products.ADMIN_ENDPOINTS], parts=_parts)
