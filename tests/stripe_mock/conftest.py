from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from hingecraft.providers.stripe.client import StripeProvider
from hingecraft.settings import DsnSecret
from hingecraft_sandbox.postgres import free_port
from support.go_tools import built
from support.pods import settings_of
from support.sandbox import STRIPE_KEY

MODULE, VERSION = "github.com/stripe/stripe-mock", "v0.203.0"


@pytest.fixture(scope="session")
def stripe_mock() -> Iterator[str]:
    """Stripe's own stand-in: stateless, and strict about what a request may hold."""
    address = f"127.0.0.1:{free_port()}"
    process = subprocess.Popen(
        [built(MODULE, VERSION), "-http-addr", address], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(address)
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(10)


def _wait(address: str) -> None:
    host, _, port = address.partition(":")
    for _ in range(500):
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("stripe-mock did not start")


@pytest.fixture
async def provider(stripe_mock: str) -> AsyncIterator[StripeProvider]:
    settings = settings_of(
        DsnSecret("postgresql://nobody@localhost/none"), stripe_secret=STRIPE_KEY, stripe_api_base=stripe_mock,
        stripe_rate=1000,
    )  # fmt: skip
    stripe = StripeProvider(settings)
    yield stripe
    await stripe.close()
