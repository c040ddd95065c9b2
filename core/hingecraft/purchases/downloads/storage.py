"""The place of the files, as DOWNLOADS names it."""

from __future__ import annotations

from typing import TypeAlias

from hingecraft.purchases.downloads.bucket import Bucket
from hingecraft.purchases.downloads.folder import Folder
from hingecraft.purchases.downloads.settings import DownloadSettings

Storage: TypeAlias = "Folder | Bucket"


def storage_of(settings: DownloadSettings) -> Storage | None:
    """The storage of the settings; None if one that downloads need is missing."""
    if settings.missing_for_downloads:
        return None
    if settings.download_folder is not None:
        return Folder(settings.download_folder)
    return Bucket(settings)
