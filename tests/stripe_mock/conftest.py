from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from hingecraft.providers.stripe.client import StripeProvider
from hingecraft.settings import DsnSecret
from support.pods import settings_of
from support.sandbox import STRIPE_KEY
from support.stripe_mock import running_stripe_mock


@pytest.fixture(scope="session")
def stripe_mock() -> Iterator[str]:
    with running_stripe_mock() as address:
        yield address


@pytest.fixture
async def provider(stripe_mock: str) -> AsyncIterator[StripeProvider]:
    settings = settings_of(
        DsnSecret("postgresql://nobody@localhost/none"), stripe_secret=STRIPE_KEY, stripe_api_base=stripe_mock,
        stripe_rate=1000,
    )  # fmt: skip
    stripe = StripeProvider(settings)
    yield stripe
    await stripe.close()
