"""The backend's answers about a site, as its owner sees them."""

from __future__ import annotations

import aiohttp

from hingecraft_sandbox.providers.book import Document
from hingecraft_sandbox.providers.switches import Switches
from hingecraft_sandbox.wix.config import WixConfig
from hingecraft_sandbox.wix.tokens import Tokens

_PATH = "/api/v1/wix/user/status"
_TIMEOUT = aiohttp.ClientTimeout(total=2)


class Backend:
    """The backend that has the app."""

    def __init__(self, tokens: Tokens, switches: Switches, config: WixConfig) -> None:
        self._tokens = tokens
        self._switches = switches
        self._config = config

    @property
    def address(self) -> str:
        """Without a slash at the end; empty: there is none."""
        return (self._switches.wix.backend or self._config.backend).rstrip("/")

    async def status_of(self, site: Document) -> list[tuple[str, object]]:
        """Names and values for the site's page."""
        headers = {"Authorization": f"WixInstance {self._tokens.instance_of(site)}"}
        try:
            async with (
                aiohttp.ClientSession(timeout=_TIMEOUT) as session,
                session.get(self.address + _PATH, headers=headers) as response,
            ):
                answer = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return [("Error", "it does not answer")]
        if not answer.get("success"):
            return [("Error", answer.get("error"))]
        found = answer["data"]
        end = found["currentPeriodEnd"]
        return [
            ("Plan", found["plan"]),
            ("Credits", f"{found['credits']}, of them {found['trialCreditsRemaining']} for trial"),
            ("Used", f"{found['creditsUsed']} in this period"),
            ("Period ends", end[:16].replace("T", " ") if end else None),
            ("Renews", ("no" if found["cancelAtPeriodEnd"] else "yes") if end else None),
            ("Payment failed", found["paymentFailedAt"]),
        ]
