"""The check of instance tokens that the settings choose."""

from __future__ import annotations

from hingecraft.wix_app.instances.local import LocalCheck
from hingecraft.wix_app.instances.port import InstanceCheck
from hingecraft.wix_app.settings import WixAppSettings


def check_of(settings: WixAppSettings) -> InstanceCheck:
    """The check for the settings of one process."""
    return LocalCheck(settings.wix_app_id, settings.wix_app_secret)
