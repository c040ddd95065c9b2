"""The check of instance tokens that the settings choose."""

from __future__ import annotations

from hingecraft.wix_app.client.client import WixClient
from hingecraft.wix_app.instances.local import LocalCheck, has_shape
from hingecraft.wix_app.instances.model import Instance
from hingecraft.wix_app.instances.port import InstanceCheck
from hingecraft.wix_app.instances.token_info import TokenInfoCheck
from hingecraft.wix_app.settings import WixAppSettings


def check_of(settings: WixAppSettings, client: WixClient) -> InstanceCheck:
    """The check for the settings of one process."""
    by_wix = TokenInfoCheck(client, settings.wix_app_id)
    if settings.wix_instance_check == "token_info":
        return by_wix
    return _LocalFirst(LocalCheck(settings.wix_app_id, settings.wix_app_secret), by_wix)


class _LocalFirst:
    """Instance values are verified here. Access tokens, which a page gets when its first token is old, only by Wix."""

    def __init__(self, local: InstanceCheck, by_wix: InstanceCheck) -> None:
        self._local = local
        self._by_wix = by_wix

    async def verified(self, token: str) -> Instance:
        """Raises InvalidInstanceError, ExpiredInstanceError or AuthUnavailableError."""
        return await (self._local if has_shape(token) else self._by_wix).verified(token)
