"""The payment providers of one process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hingecraft.errors import HingecraftError
from hingecraft.providers.nowpayments.client import NowPaymentsProvider
from hingecraft.providers.port import CheckoutProvider, Rejected
from hingecraft.providers.settings import ProviderSettings
from hingecraft.providers.stripe.client import StripeProvider

Observe = Callable[[str, str, float], None]


class NoSuchProviderError(HingecraftError):
    """No provider has that name."""


@dataclass(slots=True, kw_only=True)
class Providers:
    """All providers. `observe` is called after each call, with the provider, the outcome and the seconds."""

    stripe: StripeProvider
    nowpayments: NowPaymentsProvider
    observe: Observe = lambda _provider, _outcome, _seconds: None

    @classmethod
    def from_settings(
        cls,
        settings: ProviderSettings,
        *,
        key_rejected: Rejected = lambda _provider: None,
        observe: Observe = lambda _provider, _outcome, _seconds: None,
    ) -> Providers:
        """The providers of a process. One without keys is off."""
        return cls(
            stripe=StripeProvider(settings, key_rejected),
            nowpayments=NowPaymentsProvider(settings, key_rejected),
            observe=observe,
        )

    def of(self, name: str) -> CheckoutProvider:
        """The provider of that name; raises NoSuchProviderError for any other."""
        found: Mapping[str, CheckoutProvider] = {each.name: each for each in (self.stripe, self.nowpayments)}
        if name not in found:
            raise NoSuchProviderError(f"there is no payment provider called {name!r}")
        return found[name]

    async def close(self) -> None:
        """Close their connections."""
        await self.stripe.close()
        await self.nowpayments.close()
