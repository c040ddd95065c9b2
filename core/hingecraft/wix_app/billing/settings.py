"""The settings of selling plans through Wix."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from hingecraft.proxies import is_loopback
from hingecraft.settings import CommaList
from hingecraft.wix_app.settings import WixAppSettings

_PRICE = re.compile(r"([a-z0-9-]{1,60})=(\d{1,6}(?:\.\d{2})?)/(\d{1,6}(?:\.\d{2})?)")


@dataclass(frozen=True, slots=True)
class Prices:
    """The prices of a plan, in US dollars."""

    monthly: Decimal
    yearly: Decimal


class WixBillingSettings(WixAppSettings):
    """The Wix app's settings, with those of its plans."""

    wix_plan_prices: CommaList = Field(
        (),
        description="prices that /wix-pricing shows, in USD a month and a year, as in Wix's dashboard for developers: "
        "starter=9/90,pro=29/290,agency=79/790",
    )
    wix_app_market_url: str = Field(
        "https://www.wix.com/app-market", description="the app's page in Wix's app market, where sites install it"
    )
    wix_bi_events: bool = Field(
        False, description="tell Wix when an owner loads the dashboard, spends credits or begins an upgrade"
    )

    @field_validator("wix_plan_prices")
    @classmethod
    def _plan_prices(cls, entries: tuple[str, ...]) -> tuple[str, ...]:
        for entry in entries:
            if not _PRICE.fullmatch(entry):
                raise ValueError(f"must be plan=monthly/yearly pairs such as starter=9/90, not {entry!r}")
        return entries

    @field_validator("wix_app_market_url")
    @classmethod
    def _market_url(cls, address: str) -> str:
        parts = urlsplit(address)
        local = parts.scheme == "http" and is_loopback(parts.hostname or "")
        if not parts.hostname or not (parts.scheme == "https" or local):
            raise ValueError("must be an https address (http on this machine only)")
        return address

    @property
    def plan_prices(self) -> Mapping[str, Prices]:
        """The prices by the names of plans."""
        found = [_PRICE.fullmatch(entry) for entry in self.wix_plan_prices]
        return {each[1]: Prices(Decimal(each[2]), Decimal(each[3])) for each in found if each is not None}
