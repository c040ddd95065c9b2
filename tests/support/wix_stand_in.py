"""The stand-in for Wix in the sandbox, as tests drive it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hingecraft.proxies import Proxies
from hingecraft.settings import Secret
from hingecraft.wix_app.client.calls import WixCalls
from hingecraft.wix_app.client.client import WixClient
from hingecraft.wix_app.client.installations import InstallationsCall
from hingecraft_sandbox.wix.config import APP_ID, APP_SECRET
from hingecraft_sandbox.wix.installations import PATH
from support.sandbox import Sandbox


class WixStandIn:
    """Sites that have the app, and what their owners do."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.api_base = f"{sandbox.address}/wix"
        self.installations_url = self.api_base + PATH

    async def settings(self, **more: Any) -> dict[str, Any]:
        """The settings by which a pod serves the app at this stand-in."""
        app = await self.sandbox.ask("GET", "/_sandbox/wix/app")
        return {
            "wix_app_id": app["appId"], "wix_app_secret": app["appSecret"], "wix_app_public_key": app["publicKey"],
            "wix_api_base": self.api_base, **more,
        }  # fmt: skip

    async def switch(self, **how: Any) -> None:
        """Set the switches of Wix; those that are not given are as usual."""
        await self.sandbox.ask("PUT", "/_sandbox/wix", json=how)

    async def clock(self, at: datetime | None = None) -> None:
        """Set the sandbox's clock, without an argument to the real time; running subscriptions would hold it up."""
        await self.sandbox.ask("DELETE", "/_sandbox/book/subscriptions")
        moment = at or datetime.now(UTC)
        await self.sandbox.ask("PUT", "/_sandbox/clock", json={"at": moment.isoformat()})

    async def install(self, name: str = "Lakeside") -> UUID:
        return UUID((await self.sandbox.ask("POST", "/_sandbox/wix/sites", json={"name": name}))["id"])

    async def act(self, site: UUID, act: str, **fields: str) -> Mapping[str, Any]:
        """Press a button of the site's page; answers the site."""
        found: Mapping[str, Any] = await self.sandbox.ask("POST", f"/_sandbox/wix/sites/{site}/{act}", json=fields)
        return found

    async def site(self, site: UUID) -> Mapping[str, Any]:
        found: Mapping[str, Any] = await self.sandbox.ask("GET", f"/_sandbox/wix/sites/{site}")
        return found

    async def tokens(self, site: UUID, caller: str = "owner", age: float = 0) -> Mapping[str, str]:
        """Its `instance` value, and an `accessToken` as `dashboard.getAccessToken()` answers it."""
        query = {"as": caller, "age": str(age)}
        found: Mapping[str, str] = await self.sandbox.ask("GET", f"/_sandbox/wix/sites/{site}/tokens", params=query)
        return found

    def client(self, secret: str = APP_SECRET, *, installations: str | None = None) -> WixClient:
        """Our client, as a pod has it; with the address of Wix's list, it reads that too."""
        calls = WixCalls(APP_ID, Secret(secret), self.api_base, Proxies())
        return WixClient(calls, InstallationsCall(calls, APP_ID, installations) if installations else None)
