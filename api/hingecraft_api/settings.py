"""The settings of a pod."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic_settings import NoDecode

from hingecraft.identity.settings import AuthSettings, SigningSecret
from hingecraft.members.returning import origin_of
from hingecraft.proxies import is_loopback
from hingecraft.purchases.downloads.settings import DownloadSettings
from hingecraft.purchases.settings import PurchaseSettings
from hingecraft.settings import (
    CommaList,
    DatabaseSettings,
    OptionalSecret,
    OptionalSentSecret,
    RequiredSecret,
    Secret,
    SentSecret,
)
from hingecraft.systems import SystemSettings
from hingecraft.wix_app.billing.settings import WixBillingSettings

Network = IPv4Network | IPv6Network
_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")
STRIPE_JS = "https://js.stripe.com/endive/stripe.js"
_SCRIPT = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._-]+)+")
_FRAME_SOURCE = re.compile(r"https?://(\*\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:[0-9]{1,5})?")


def _host_of(origin: str) -> str:
    return urlsplit(origin).hostname or ""


def _as_networks(value: object) -> tuple[Network, ...]:
    if not isinstance(value, str):
        return tuple(value)  # type: ignore[arg-type]  # a default given in code is already a sequence
    try:
        return tuple(ip_network(part.strip(), strict=False) for part in value.split(",") if part.strip())
    except ValueError as error:
        raise ValueError(f"must be addresses or CIDRs, comma-separated: {error}") from None


class ApiSettings(
    DatabaseSettings,
    SystemSettings,
    AuthSettings,
    DownloadSettings,
    PurchaseSettings,
    WixBillingSettings,
):
    """The settings of a pod."""

    admin_token: RequiredSecret = Field(description="token that admin calls send as Authorization: Bearer")
    push_secret: RequiredSecret = Field(description="verifies pushes from the sync engine")
    visitor_secret: RequiredSecret = Field(description="verifies X-HC-Visitor")
    database_pool_min: int = Field(2, description="database connections that a pod keeps open", ge=0, le=1000)
    database_pool_max: int = Field(20, description="most database connections that a pod opens", ge=1, le=1000)
    host: str = Field("0.0.0.0", description="address that both ports listen on")  # noqa: S104 - a pod is reached from outside
    port: int = Field(8080, description="public port", ge=0, le=65535)
    internal_port: int = Field(
        8081, description="internal port for metrics and pushes; must not be reachable from outside", ge=0, le=65535
    )
    cors_origins: CommaList = Field(
        (), description="the site's origins, comma-separated, for example https://example.com"
    )
    return_origins: CommaList = Field(
        (),
        description="further origins that a member's checkout may return to and a plan session may be carried to, "
        "comma-separated; SITE_URL's and PUBLIC_URL's always",
    )
    stripe_portal_configuration: str = Field(
        "",
        description="the configuration of Stripe's billing portal that members get (bpc_...); "
        "without it, one is made at Stripe and kept up to date",
        pattern="^(bpc_[A-Za-z0-9_]{1,250})?$",
    )
    stripe_js: str = Field(STRIPE_JS, description="address of Stripe.js, which /shop loads, or of a stand-in")
    embed_origins: CommaList = Field(
        (),
        description="other origins that may show /embed in a frame, besides the site and Wix, for example https://*.editorx.io",
    )
    wix_dashboard_origins: CommaList = Field(
        (),
        description="other origins that may show /wix-dashboard in a frame, besides manage.wix.com and its subdomains",
    )
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_as_networks)] = Field(
        (), description="addresses or CIDRs whose X-Forwarded-For is trusted; the last untrusted entry is the visitor"
    )
    rate_limit: int = Field(100, description="requests per minute per visitor", ge=1, le=1_000_000)
    rate_limit_routes: int = Field(600, description="GET /routes requests per minute per visitor", ge=1, le=100_000_000)
    rate_limit_site: int = Field(
        3000,
        description="requests per minute for all visitors together that chose their own id (vid:)",
        ge=1,
        le=10_000_000,
    )
    routes_lane: bool = Field(
        True, description="answer GET /routes before aiohttp parses the request; has no effect with VALKEY_URL"
    )
    stripe_webhook_secret: OptionalSecret = Field(
        Secret(), description="verifies Stripe's webhooks to /webhooks/stripe; needed with STRIPE_SECRET"
    )
    nowpayments_ipn_secret: OptionalSecret = Field(
        Secret(),
        description="verifies NOWPayments' callbacks to /webhooks/nowpayments; needed with NOWPAYMENTS_API_KEY",
    )
    valkey_url: OptionalSentSecret = Field(
        SentSecret(), description="Valkey or Redis for rate limits shared by all pods: redis://host:6379/0"
    )

    jwt_secret: SigningSecret = Field(
        Secret(),
        description="signs plan sessions; at least 32 characters, and not AUTH_JWT_SECRET; without it they are off",
    )
    cookie_domain: str = Field(
        "",
        description="domain whose hosts all get the cookie of a plan session, for example example.com; without it, "
        "only this backend's host",
    )

    @field_validator("cookie_domain")
    @classmethod
    def _domain(cls, domain: str) -> str:
        """Strict, since it becomes part of a Set-Cookie header."""
        bare = domain.removeprefix(".").lower()
        if bare and not _DOMAIN.fullmatch(bare):
            raise ValueError(f"must be a domain such as example.com, not {domain!r}")
        return bare

    @field_validator("cors_origins")
    @classmethod
    def _exact_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if not origin.startswith(("https://", "http://")) or origin.count("/") != 2 or "*" in origin:  # noqa: PLR2004 - the two of ://
                raise ValueError(f"must be exact origins such as https://example.com, not {origin}")
        return origins

    @field_validator("return_origins")
    @classmethod
    def _web_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            is_safe = origin.startswith("https://") or is_loopback(_host_of(origin))
            if origin_of(origin) != origin or "*" in origin or not is_safe:
                raise ValueError(
                    f"must be https origins such as https://app.example.com (http on this machine only), not {origin}"
                )
        return origins

    @property
    def returns_to(self) -> tuple[str, ...]:
        """The origins that a checkout may return to: the site's and our own pages' always."""
        own = (origin_of(address) for address in (self.site_url, self.public_url) if address)
        return tuple(dict.fromkeys((*filter(None, own), *self.return_origins)))

    @field_validator("stripe_js")
    @classmethod
    def _script(cls, address: str) -> str:
        """Strict, since it becomes part of a Content-Security-Policy."""
        is_safe = address.startswith("https://") or is_loopback(_host_of(address))
        if not _SCRIPT.fullmatch(address) or not is_safe:
            raise ValueError(f"must be the https address of a script (http on this machine only), not {address}")
        return address

    @field_validator("embed_origins", "wix_dashboard_origins")
    @classmethod
    def _frame_sources(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        """They become a part of a Content-Security-Policy."""
        for origin in origins:
            if not _FRAME_SOURCE.fullmatch(origin):
                raise ValueError(f"must be origins such as https://example.com or https://*.example.com, not {origin}")
        return origins

    @model_validator(mode="after")
    def _can_verify(self) -> ApiSettings:
        """A provider needs its key and the secret that verifies its webhooks; otherwise the process does not start."""
        if self.stripe_secret and not self.stripe_webhook_secret:
            raise ValueError("STRIPE_WEBHOOK_SECRET is not set, and STRIPE_SECRET needs it")
        if self.nowpayments_api_key and not self.nowpayments_ipn_secret:
            raise ValueError("NOWPAYMENTS_IPN_SECRET is not set, and NOWPAYMENTS_API_KEY needs it")
        return self

    @model_validator(mode="after")
    def _cards_go_to_stripe(self) -> ApiSettings:
        if self.stripe_livemode and _host_of(self.stripe_js) != _host_of(STRIPE_JS):
            raise ValueError("STRIPE_JS must be at js.stripe.com with a live key: cards are entered in its frames")
        return self

    @model_validator(mode="after")
    def _services_are_no_admins(self) -> ApiSettings:
        if not set(self.service_token.values).isdisjoint(self.admin_token.values):
            raise ValueError(
                "SERVICE_TOKEN and ADMIN_TOKEN must differ: otherwise services would have an admin's rights"
            )
        return self

    @model_validator(mode="after")
    def _plan_sessions_are_no_tokens(self) -> ApiSettings:
        if not set(self.jwt_secret.values).isdisjoint(self.auth_jwt_secret.values):
            raise ValueError("JWT_SECRET and AUTH_JWT_SECRET must differ: visitors choose what a plan session contains")
        return self

    @model_validator(mode="after")
    def _downloads_have_a_secret_of_their_own(self) -> ApiSettings:
        others = {*self.auth_jwt_secret.values, *self.jwt_secret.values}
        if not others.isdisjoint(self.download_secret.values):
            raise ValueError("DOWNLOAD_SECRET must differ from AUTH_JWT_SECRET and JWT_SECRET")
        return self

    @model_validator(mode="after")
    def _pool_fits(self) -> ApiSettings:
        if self.database_pool_min > self.database_pool_max:
            raise ValueError("DATABASE_POOL_MIN must not be more than DATABASE_POOL_MAX")
        return self
