"""Grants URLs for the designs that a user may download, and finds the file of a URL."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from hingecraft import audit
from hingecraft.db.connection import Connection, Database
from hingecraft.errors import InvalidError
from hingecraft.purchases import store as purchases
from hingecraft.purchases.access import Access
from hingecraft.purchases.downloads import store, tokens
from hingecraft.purchases.downloads.folder import Folder, OpenFile
from hingecraft.purchases.downloads.model import (
    AccessEndedError,
    DownloadExpiredError,
    DownloadLimitError,
    DownloadsDisabledError,
    DownloadUnavailableError,
    Failure,
    FileMissingError,
    Granted,
    NotBoughtError,
    StorageUnavailableError,
)
from hingecraft.purchases.downloads.storage import Storage
from hingecraft.purchases.downloads.store import Served
from hingecraft.purchases.products.model import UnknownProductError
from hingecraft.settings import Secret

log = logging.getLogger(__name__)


class Downloads:
    """The downloads of one pod. Without a storage, each call for one raises DownloadsDisabledError."""

    def __init__(
        self,
        database: Database,
        storage: Storage | None,
        secret: Secret,
        *,
        url_seconds: int,
        grace_hours: int,
        livemode: bool,
        failed: Callable[[Failure], None] = lambda _failure: None,
    ) -> None:
        self._database = database
        self._storage = storage
        self._secret = secret
        self._valid_for = timedelta(seconds=url_seconds)
        self._grace = timedelta(hours=grace_hours)
        self._livemode = livemode
        self._failed = failed

    @property
    def storage(self) -> Storage:
        """Where the files are; raises DownloadsDisabledError."""
        if self._storage is None:
            raise DownloadsDisabledError
        return self._storage

    async def grant(self, user_id: UUID, product_id: UUID) -> Granted:
        """The user's URL for a design: the one that is valid, else a new one, which is counted.

        Raises UnknownProductError, NotBoughtError, AccessEndedError or DownloadLimitError, and DownloadUnavailableError
        if the file cannot be read.
        """
        storage = self.storage
        async with self._database.connection() as conn:
            file, access = await self._access(conn, user_id, product_id)
            # Whether downloads are left is decided under the lock: the last one may be this user's, of a moment ago.
            granted = await store.valid(conn, user_id, product_id, access.entitlements)
        if granted is not None:
            return granted
        with self._file_expected(file):
            await storage.check(file)
        async with self._database.transaction() as conn:
            await store.lock(conn, user_id)
            while granted is None:
                granted = await self._counted(conn, user_id, product_id)
        return granted

    async def grant_uncounted(self, product_id: UUID, *, actor: str, request_id: str) -> Granted:
        """An admin's URL, with a row in the audit log."""
        storage = self.storage
        async with self._database.connection() as conn:
            file = await store.file_of(conn, product_id)
        if file is None:
            raise UnknownProductError
        with self._file_expected(file):
            await storage.check(file)
        async with self._database.transaction() as conn:
            granted = await store.grant_uncounted(conn, product_id, self._valid_for)
            await audit.append(
                conn, actor=actor, action="download_granted", request_id=request_id, product=str(product_id),
                download=str(granted.id),
            )  # fmt: skip
        return granted

    async def _access(self, conn: Connection, user_id: UUID, product_id: UUID) -> tuple[str, Access]:
        """The file of a design, and the user's access to it. Raises NotBoughtError or AccessEndedError."""
        held = await purchases.held(conn, user_id, product_id, livemode=self._livemode, grace=self._grace)
        if held is None or held.product_type != "design" or held.file is None:
            raise UnknownProductError
        access = held.access
        match access.reason:
            case "not_bought":
                raise NotBoughtError
            case "expired" | "refunded" | "disputed" as reason:
                raise AccessEndedError(reason)
        return held.file, access

    async def _counted(self, conn: Connection, user_id: UUID, product_id: UUID) -> Granted | None:
        """The URL that another call was granted meanwhile, or a new one; None: a refund has just changed the access."""
        _, access = await self._access(conn, user_id, product_id)
        granted = await store.valid(conn, user_id, product_id, access.entitlements)
        if granted is not None:
            return granted
        if access.next_counted is None:
            raise DownloadLimitError
        return await store.count(conn, user_id, product_id, access.next_counted, self._valid_for)

    def token_of(self, granted: Granted) -> str:
        """The last part of a URL."""
        return tokens.signed(granted.id, granted.expires_at, self._secret)

    async def find(self, token: str) -> Served:
        """The file of a URL, whose access has not ended. Raises MissingError and DownloadExpiredError."""
        if self._storage is None:
            raise DownloadsDisabledError
        download_id = tokens.read(token, self._secret)
        async with self._database.connection() as conn:
            found = await store.served(conn, download_id, self._grace)
        if found is None or not found.open:
            raise DownloadExpiredError
        return found

    async def open(self, folder: Folder, key: str) -> OpenFile:
        """Open a file for its reader; raises DownloadUnavailableError."""
        with self._file_expected(key):
            return await folder.open(key)

    async def require_file(self, key: str) -> None:
        """Check the file of a product, where this backend serves files. Raises an InvalidError that names the field."""
        if self._storage is None:
            return
        try:
            await self._storage.check(key)
        except FileMissingError as error:
            log.info("the file of a product is rejected: %s", error)
            reason = "does not exist below DOWNLOADS, or may not be read"
            raise InvalidError("invalid_request", f"Please correct: file {reason}.", fields={"file": reason}) from error
        except StorageUnavailableError as error:
            log.error("a file cannot be checked: %s", error)  # noqa: TRY400 - the sentence says all
            raise DownloadUnavailableError from error

    @contextmanager
    def _file_expected(self, key: str) -> Iterator[None]:
        """Report a file that cannot be read, since somebody has bought it; raises DownloadUnavailableError."""
        try:
            yield
        except (FileMissingError, StorageUnavailableError) as error:
            log.error("a file cannot be downloaded: %s", error, extra={"file": key})  # noqa: TRY400 - the sentence says all
            self._failed("file_missing" if isinstance(error, FileMissingError) else "storage_unavailable")
            raise DownloadUnavailableError from error

    async def close(self) -> None:
        """Close the connections to the storage."""
        if self._storage is not None:
            await self._storage.close()
