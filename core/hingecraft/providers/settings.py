"""What every process that calls a provider reads."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from hingecraft.providers.addresses import is_loopback
from hingecraft.proxies import ProxySettings
from hingecraft.settings import OptionalSentSecret, SentSecret

STRIPE_API = "https://api.stripe.com"
NOWPAYMENTS_API = "https://api.nowpayments.io/v1"
_STRIPE_KEYS = ("sk_test_", "rk_test_", "sk_live_", "rk_live_")
_PUBLISHABLE_KEYS = ("pk_test_", "pk_live_")


class ProviderSettings(ProxySettings):
    """Keys, addresses and limits; a provider without keys is off."""

    site_url: str = Field(description="the site that donors come from and go back to, such as https://www.example.com")
    public_url: str = Field(
        "", description="where providers reach this backend, such as https://pay.example.com; needed by NOWPayments"
    )
    stripe_secret: OptionalSentSecret = Field(
        SentSecret(), description="Stripe's secret or restricted key, test or live; empty: Stripe is off"
    )
    stripe_publishable_key: str = Field("", description="Stripe's publishable key, of the same mode as the secret one")
    stripe_api_base: str = Field(STRIPE_API, description="Stripe's API, or a stand-in for it")
    stripe_rate: int = Field(
        0,
        description="calls a second to Stripe from one pod; 0: 80 with a live key, 20 with a test key",
        ge=0,
        le=10_000,
    )
    nowpayments_api_key: OptionalSentSecret = Field(
        SentSecret(), description="NOWPayments' API key; empty: crypto goes to the wallets alone"
    )
    nowpayments_email: str = Field(
        "", description="the account's e-mail: with its password, lost payments of an invoice can be looked up"
    )
    nowpayments_password: OptionalSentSecret = Field(
        SentSecret(), description="the account's password, with NOWPAYMENTS_EMAIL"
    )
    nowpayments_api_base: str = Field(NOWPAYMENTS_API, description="NOWPayments' API, its sandbox, or a stand-in")

    @field_validator("stripe_secret")
    @classmethod
    def _secret_key(cls, secret: SentSecret) -> SentSecret:
        if secret and not secret.newest.startswith(_STRIPE_KEYS):
            raise ValueError("must start with sk_test_, rk_test_, sk_live_ or rk_live_")
        if "," in secret.newest:
            raise ValueError("must be one key: it is sent to Stripe, and two cannot be")
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
            raise ValueError("STRIPE_PUBLISHABLE_KEY and STRIPE_SECRET must be of the same mode, test or live")
        return self

    @property
    def stripe_livemode(self) -> bool:
        """Whether the key moves real money."""
        return "_live_" in self.stripe_secret.newest[:8]
