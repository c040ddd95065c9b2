"""The interface of every payment provider, and the three outcomes of a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from hingecraft.errors import ErrorCode, HingecraftError
from hingecraft.money.model import Currency
from hingecraft.providers.patience import Deadline

# Called with the name of a provider that has rejected our key.
Rejected = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A requested payment, and the page that the payer returns to."""

    payment_id: str
    amount: Decimal
    currency: Currency
    price_currency: Currency
    success_url: str
    cancel_url: str
    opened_at: datetime
    source: str
    # The description that the payer reads at the provider.
    description: str
    # Repeats of the call carry it, so that they have one effect where the provider has such keys.
    key: str
    # The text of Stripe's button: pay, book or another of its `submit_type`.
    submit_type: str = "pay"
    email: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A checkout that exists at the provider."""

    provider_id: str
    # None: it is paid on our own page, with the client secret.
    url: str | None
    expires_at: datetime | None = None
    # It was made without the payer's e-mail, which the provider did not take.
    email_refused: bool = False
    # For the payer's page only: it is not stored.
    client_secret: str | None = field(default=None, repr=False)


class ProviderRejectedError(HingecraftError):
    """The provider rejected the checkout, or its answer cannot be used.

    `provider_busy` and `provider_unavailable` pass: they say nothing about the payment.
    """

    def __init__(
        self,
        reason: str,
        *,
        code: ErrorCode = "provider_refused",
        provider_id: str | None = None,
        missing: str | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code
        self.provider_id = provider_id
        # The parameter that names an object which the provider does not have, such as `customer`.
        self.missing = missing

    @property
    def passing(self) -> bool:
        """Whether the same request may be accepted later."""
        return self.code in {"provider_busy", "provider_unavailable"}


class ProviderMissingError(ProviderRejectedError):
    """The provider does not know the object: it is new, deleted, or of another account."""


class ProviderKeyError(ProviderRejectedError):
    """The provider rejects our key or its permissions: our mistake, not the payer's."""

    def __init__(self, reason: str, *, forbidden: bool = False, remedy: str | None = None) -> None:
        super().__init__(reason, code="provider_unavailable")
        # The key is valid but lacks a permission.
        self.forbidden = forbidden
        # What a person has to do about it; None: set another key.
        self.remedy = remedy


class ProviderUnknownError(HingecraftError):
    """It is not known whether the checkout exists: the provider did not answer, or broke while answering."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ErrorKeptError(ProviderUnknownError):
    """The provider failed, and gives that answer to the same key for a day: search for what it has made."""


class CheckoutProvider(Protocol):
    """A payment provider, such as Stripe or NOWPayments."""

    name: str

    @property
    def livemode(self) -> bool:
        """Whether real money moves."""
        ...

    @property
    def configured(self) -> bool:
        """A provider without keys is off."""
        ...

    def request_for(self, order: Order) -> dict[str, Any]:
        """The exact parameters, to be kept before the call; refuses an amount that the provider does not take."""
        ...

    async def open(self, request: Mapping[str, Any], key: str, deadline: Deadline) -> Opened:
        """Make the checkout, or find it made by an earlier call with the same key and parameters."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...
