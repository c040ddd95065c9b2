"""Grants URLs for the designs that a user may download, and finds the file of a URL."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hingecraft import audit
from hingecraft.db.connection import Connection, Database
from hingecraft.errors import InvalidError
from hingecraft.purchases.downloads import store, tokens
from hingecraft.purchases.downloads.folder import Folder, OpenFile
from hingecraft.purchases.downloads.model import (
    AccessEndedError,
    DownloadExpiredError,
    DownloadsDisabledError,
    DownloadUnavailableError,
    Failure,
    FileMissingError,
    Granted,
    NotBoughtError,
    Right,
    StorageUnavailableError,
    first_usable,
)
from hingecraft.purchases.downloads.storage import Storage
from hingecraft.purchases.downloads.store import Asked, Served
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
        asked = Asked(user_id=user_id, product_id=product_id, livemode=self._livemode, grace=self._grace)
        async with self._database.connection() as conn:
            found = await store.design(conn, asked)
            if found is None:
                raise UnknownProductError
            file, granted = found
            if granted is not None:
                return granted
            # Whether downloads are left is decided under the locks: the last one may be this user's, of a moment ago.
            await _rights(conn, asked)
        with self._file_expected(file):
            await storage.check(file)
        async with self._database.transaction() as conn:
            await store.lock_rights(conn, asked)
            # Another call of this user may have been granted one before this one got the locks.
            granted = await store.valid(conn, asked)
            if granted is not None:
                return granted
            right = first_usable(await _rights(conn, asked))
            return await store.count(conn, asked, right, self._valid_for)

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

    def token_of(self, granted: Granted) -> str:
        """The last part of a URL."""
        return tokens.signed(granted.id, granted.expires_at, self._secret)

    async def find(self, token: str) -> Served:
        """The file of a URL, whose access has not ended. Raises MissingError and DownloadExpiredError."""
        if self._storage is None:
            raise DownloadsDisabledError
        download_id = tokens.read(token, self._secret, datetime.now(UTC))
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


async def _rights(conn: Connection, asked: Asked) -> list[Right]:
    """The rights that a download may be counted on. Raises NotBoughtError or AccessEndedError if there are none."""
    rights = await store.rights(conn, asked)
    if rights:
        return rights
    reason = await store.why_not(conn, asked)
    if reason is None:
        raise NotBoughtError
    raise AccessEndedError(reason)
