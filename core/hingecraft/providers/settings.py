"""What every process that calls a provider reads."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from hingecraft.proxies import ProxySettings, is_loopback
from hingecraft.settings import OptionalSentSecret, SentSecret

STRIPE_API = "https://api.stripe.com"
NOWPAYMENTS_API = "https://api.nowpayments.io/v1"
_STRIPE_KEYS = ("sk_test_", "rk_test_", "sk_live_", "rk_live_")
_PUBLISHABLE_KEYS = ("pk_test_", "pk_live_")


class ProviderSettings(ProxySettings):
    """Keys, addresses and limits; a provider without keys is off."""

    site_url: str = Field(
        description="the site that donors come from and return to, for example https://www.example.com"
    )
    public_url: str = Field(
        "",
        description="where providers reach this backend, for example https://pay.example.com; NOWPayments needs it",
    )
    stripe_secret: OptionalSentSecret = Field(
        SentSecret(), description="Stripe's secret or restricted key, test or live; without it Stripe is off"
    )
    stripe_publishable_key: str = Field("", description="Stripe's publishable key, in the same mode as the secret key")
    stripe_api_base: str = Field(STRIPE_API, description="address of Stripe's API or of a stand-in")
    stripe_rate: int = Field(
        0,
        description="calls per second to Stripe from one pod; 0: 80 with a live key, 20 with a test key",
        ge=0,
        le=10_000,
    )
    nowpayments_api_key: OptionalSentSecret = Field(
        SentSecret(), description="NOWPayments' API key; without it crypto goes only to the wallets"
    )
    nowpayments_email: str = Field(
        "",
        description="e-mail of the account; with its password, lost payments of an invoice can be looked up",
    )
    nowpayments_password: OptionalSentSecret = Field(
        SentSecret(), description="password of the account; needed with NOWPAYMENTS_EMAIL"
    )
    nowpayments_api_base: str = Field(
        NOWPAYMENTS_API, description="address of NOWPayments' API, its sandbox or a stand-in"
    )

    @field_validator("stripe_secret")
    @classmethod
    def _secret_key(cls, secret: SentSecret) -> SentSecret:
        if secret and not secret.newest.startswith(_STRIPE_KEYS):
            raise ValueError("must start with sk_test_, rk_test_, sk_live_ or rk_live_")
        if "," in secret.newest:
            raise ValueError("must be a single key, because it is sent to Stripe")
        return secret

    @field_validator("stripe_publishable_key")
    @classmethod
    def _publishable_key(cls, key: str) -> str:
        if key and not key.startswith(_PUBLISHABLE_KEYS):
            raise ValueError("must start with pk_test_ or pk_live_")
        return key

    @field_validator("site_url", "public_url", "stripe_api_base", "nowpayments_api_base")
    @classmethod
    def _address(cls, address: str) -> str:
        """Plain http never leaves this machine."""
        parts = urlsplit(address)
        if address and (
            parts.scheme not in {"https", "http"}
            or not parts.hostname
            or parts.query
            or (parts.scheme == "http" and not is_loopback(parts.hostname))
        ):
            raise ValueError("must be an https address (http on this machine only), without a query")
        return address.rstrip("/")

    @model_validator(mode="after")
    def _one_mode(self) -> ProviderSettings:
        """One key for each environment, never a test page on live money or the other way round."""
        publishable = self.stripe_publishable_key
        if publishable and self.stripe_secret and ("_live_" in publishable) != self.stripe_livemode:
            raise ValueError("STRIPE_PUBLISHABLE_KEY and STRIPE_SECRET must be in the same mode, test or live")
        return self

    @property
    def stripe_livemode(self) -> bool:
        """Whether the key moves real money."""
        return "_live_" in self.stripe_secret.newest[:8]
