"""How a token is verified: with the app's secret, or by asking Wix (`WIX_INSTANCE_CHECK`)."""

from __future__ import annotations

from typing import Protocol

from hingecraft.wix_app.instances.model import Instance


class InstanceCheck(Protocol):
    """Verifies what a caller sends as `Authorization: WixInstance <token>`."""

    async def verified(self, token: str) -> Instance:
        """The site whose owner calls; raises InvalidInstanceError or ExpiredInstanceError."""
        ...
