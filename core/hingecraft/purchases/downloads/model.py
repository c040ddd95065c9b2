"""Downloads: what a caller is told, and what a storage reports. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from hingecraft.errors import HingecraftError, RejectedError
from hingecraft.purchases.access import Ended


class FileMissingError(HingecraftError):
    """The storage works, and has no such file that may be served."""


class StorageUnavailableError(HingecraftError):
    """The storage does not answer, or rejects our requests."""


class DownloadsDisabledError(RejectedError):
    """This backend has no storage, or no secret to sign URLs with."""

    def __init__(self) -> None:
        super().__init__(
            "downloads_disabled",
            "This backend does not serve downloads. Set DOWNLOADS and DOWNLOAD_SECRET to serve them.",
        )


class DownloadUnavailableError(RejectedError):
    """The file of a design cannot be served now; it was not counted."""

    def __init__(self) -> None:
        super().__init__("download_unavailable", "The file cannot be downloaded right now. Try again in a few minutes.")


class DownloadExpiredError(RejectedError):
    """The URL was valid before."""

    def __init__(self) -> None:
        super().__init__("download_expired", "This link has expired. Open the download again from your account.")


class NotBoughtError(RejectedError):
    """The user has never had access to the design."""

    def __init__(self) -> None:
        super().__init__("not_bought", "You have not bought this design. Buy it or subscribe to download it.")


class AccessEndedError(RejectedError):
    """The user's access to the design has ended."""

    def __init__(self, reason: Ended) -> None:
        super().__init__(reason, _ENDED[reason])


class DownloadLimitError(RejectedError):
    """All downloads of the purchase or period are used."""

    def __init__(self) -> None:
        super().__init__(
            "download_limit",
            "You have used all downloads of this purchase or period. Buy the design again, or wait for your "
            "subscription's next period.",
        )


# Why the file of a design could not be read.
Failure = Literal["file_missing", "storage_unavailable"]
_ENDED: Mapping[Ended, str] = {
    "expired": "Your access to this design has ended. Buy it again to download it.",
    "refunded": "Your payment for this design was refunded, so you can no longer download it.",
    "disputed": "Your payment for this design is disputed, so you cannot download it for now.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """A row of `downloads`, and what is left of the entitlement that it was counted on."""

    id: UUID
    expires_at: datetime
    remaining: int | None
