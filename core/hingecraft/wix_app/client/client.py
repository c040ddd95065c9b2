"""The calls of Wix's API that the app needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from hingecraft.providers.addresses import checked
from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import ProviderUnknownError, Rejected
from hingecraft.proxies import Proxies
from hingecraft.wix_app.client.calls import WixCalls
from hingecraft.wix_app.client.installations import InstallationsCall
from hingecraft.wix_app.client.model import (
    AppInstance,
    Purchase,
    TokenInfo,
    UnreadableAnswerError,
    app_instance_in,
    purchases_in,
    token_info_in,
)
from hingecraft.wix_app.settings import WixAppSettings

_DOMAIN = "wix.com"
_Result = TypeVar("_Result")


class BiEvent(StrEnum):
    """The events about an owner's steps that Wix is sent.

    APP_FINISHED_CONFIGURATION is not sent: from the first time on, each new installation reads "Setup incomplete" until
    it is sent for that site as well.
    """

    DASHBOARD_LOADED = "APP_DASHBOARD_LOADED"
    PRIMARY_ACTION = "PRIMARY_ACTION_PERFORMED"
    UPGRADED = "APP_UPGRADED"


class WixClient:
    """The app's calls. Each raises NotInstalledError, ProviderRejectedError or ProviderUnknownError."""

    def __init__(self, calls: WixCalls, installations: InstallationsCall | None = None) -> None:
        self._calls = calls
        # None: Wix's list is not read.
        self.installations = installations

    @classmethod
    def from_settings(
        cls, settings: WixAppSettings, proxies: Proxies, key_rejected: Rejected = lambda _provider: None
    ) -> WixClient | None:
        """The client of a process; None without the app's settings."""
        if not settings.serves_wix_app:
            return None
        app_id, secret = settings.wix_app_id, settings.wix_app_secret
        calls, address = (
            WixCalls(app_id, secret, settings.wix_api_base, proxies, key_rejected),
            settings.wix_installations_url,
        )
        return cls(calls, InstallationsCall(calls, app_id, address) if address else None)

    async def app_instance(self, instance_id: UUID, deadline: Deadline) -> AppInstance:
        """The app on a site, with the plan that it pays for now."""
        answer = await self._calls.of_site(instance_id, "GET", "/apps/v1/instance", deadline)
        found = _read(app_instance_in, answer)
        if found.instance_id != instance_id:
            raise ProviderUnknownError("Wix answered for another site")
        return found

    async def checkout_url(
        self, instance_id: UUID, product: str, cycle: str, success_url: str, deadline: Deadline
    ) -> str:
        """The address of Wix's checkout for a plan; it can be paid for 48 hours."""
        wanted = {"productId": product, "billingCycle": cycle, "successUrl": success_url}
        answer = await self._calls.of_site(instance_id, "POST", "/apps/v1/checkout", deadline, wanted)
        return checked(answer.get("checkoutUrl"), api_base=self._calls.api_base, domain=_DOMAIN)

    async def purchases(self, instance_id: UUID, deadline: Deadline) -> list[Purchase]:
        """The plan that the site has paid for."""
        answer = await self._calls.of_site(instance_id, "GET", "/apps/v1/checkout/history", deadline)
        return _read(purchases_in, answer)

    async def send(self, instance_id: UUID, event: BiEvent, deadline: Deadline) -> None:
        """Tell Wix what the owner has done."""
        await self._calls.of_site(instance_id, "POST", "/apps/v1/bi-event", deadline, {"eventName": event})

    async def token_info(self, token: str, deadline: Deadline) -> TokenInfo | None:
        """The holder of a token; None for one that is not active."""
        answer = await self._calls.of_app("/oauth2/token-info", deadline, {"token": token})
        return _read(token_info_in, answer)

    async def close(self) -> None:
        """Close the connections."""
        await self._calls.close()


def _read(read: Callable[[Mapping[str, Any]], _Result], answer: Mapping[str, Any]) -> _Result:
    try:
        return read(answer)
    except UnreadableAnswerError as error:
        raise ProviderUnknownError(f"Wix's answer cannot be used: {error}") from error
