from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from hingecraft.providers.stripe.client import StripeProvider
from hingecraft.settings import DsnSecret
from hingecraft_sandbox.postgres import free_port
from support.pods import settings_of
from support.sandbox import STRIPE_KEY
from support.servers import listening
from toolchain.go_tools import built

MODULE, VERSION = "github.com/stripe/stripe-mock", "v0.203.0"


@pytest.fixture(scope="session")
def stripe_mock() -> Iterator[str]:
    """Stripe's own stand-in: stateless, and strict about what a request may hold."""
    address = f"127.0.0.1:{free_port()}"
    with listening([built(MODULE, VERSION), "-http-addr", address], address):
        yield f"http://{address}"


@pytest.fixture
async def provider(stripe_mock: str) -> AsyncIterator[StripeProvider]:
    settings = settings_of(
        DsnSecret("postgresql://nobody@localhost/none"), stripe_secret=STRIPE_KEY, stripe_api_base=stripe_mock,
        stripe_rate=1000,
    )  # fmt: skip
    stripe = StripeProvider(settings)
    yield stripe
    await stripe.close()
