"""The flows against the real providers' test modes: only by `make test-live`, with keys of one's own in `.env`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from dotenv import dotenv_values

from hingecraft.providers.nowpayments.client import NowPaymentsProvider
from hingecraft.providers.port import CheckoutProvider
from hingecraft.providers.stripe.client import StripeProvider
from hingecraft.settings import DsnSecret
from support.pods import settings_of

NEEDED = {"stripe": "STRIPE_SECRET", "nowpayments": "NOWPAYMENTS_API_KEY"}
KINDS: dict[str, Any] = {"stripe": StripeProvider, "nowpayments": NowPaymentsProvider}


@pytest.fixture(params=list(NEEDED))
async def provider(request: pytest.FixtureRequest) -> AsyncIterator[CheckoutProvider]:
    given = {name: value for name, value in dotenv_values(".env").items() if value}
    if NEEDED[request.param] not in given:
        pytest.fail(f"not run: {NEEDED[request.param]} is not in .env", pytrace=False)
    wanted = ("stripe_secret", "stripe_api_base", "nowpayments_api_key", "nowpayments_api_base")
    settings = settings_of(
        DsnSecret("postgresql://nobody@localhost/none"),
        **{name: given[name.upper()] for name in wanted if name.upper() in given},
    )
    made = KINDS[request.param](settings)
    if made.livemode:
        pytest.fail(f"refused: {NEEDED[request.param]} moves real money; use keys of the test mode", pytrace=False)
    yield made
    await made.close()
