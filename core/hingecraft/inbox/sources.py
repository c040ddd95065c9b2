"""How the events of each provider are read, and how the provider is asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hingecraft.money.book import CurrencyBook
from hingecraft.providers import nowpayments, stripe
from hingecraft.providers.findings import Finding
from hingecraft.providers.nowpayments.asking import NowPaymentsAsking
from hingecraft.providers.nowpayments.reading import NowPaymentsReader, hinted
from hingecraft.providers.registry import Providers
from hingecraft.providers.stripe.asking import StripeAsking
from hingecraft.providers.stripe.reading import StripeReader


@dataclass(frozen=True, slots=True)
class Source:
    """One provider."""

    read: Callable[[Mapping[str, Any]], Finding]
    again: Callable[[Finding], Awaitable[list[Finding]]]


def sources_of(providers: Providers, currencies: CurrencyBook) -> dict[str, Source]:
    """Those whose keys are there."""
    reader, coins = StripeReader(currencies.by_code), NowPaymentsReader(currencies.coin_of)
    found = {
        stripe.NAME: Source(reader.of_event, StripeAsking(providers.stripe, reader).again),
        nowpayments.NAME: Source(hinted, NowPaymentsAsking(providers.nowpayments, coins).again),
    }
    return {name: source for name, source in found.items() if providers.of(name).configured}
