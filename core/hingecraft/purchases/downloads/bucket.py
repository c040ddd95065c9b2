"""Files in a bucket of S3, which its server sends to those who have a presigned URL."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import aiohttp
from yarl import URL

from hingecraft.purchases.downloads.model import FileMissingError, StorageUnavailableError
from hingecraft.purchases.downloads.names import attachment
from hingecraft.purchases.downloads.s3_signature import Credentials, ObjectAddress, presigned
from hingecraft.purchases.downloads.settings import DownloadSettings
from hingecraft.purchases.file_keys import key_problem

# Revoked access ends at the latest after this, in seconds: S3 knows nothing of our tables.
LONGEST_URL = 300
_ANSWERS_WITHIN = 3.0
_CHECKED_FOR = 60
_LARGEST_ERROR = 16 * 1024
_AT_ONCE = 50
_CLOCKS_DIFFER = timedelta(minutes=1)
_CODE = re.compile(rb"<Code>([A-Za-z0-9]{1,80})</Code>")
_THERE = frozenset({HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE})
# S3 says AccessDenied instead of NoSuchKey to those who may not list the bucket.
_MISSING = frozenset({"NoSuchKey", "AccessDenied", "KeyTooLongError"})


class Bucket:
    """One bucket, reached by path-style addresses."""

    def __init__(self, settings: DownloadSettings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._settings = settings
        self._endpoint = settings.s3_endpoint or f"https://s3.{settings.s3_region}.amazonaws.com"
        self._bucket = settings.download_bucket or ""
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    def url(self, method: str, key: str, seconds: int) -> str:
        """A URL by which a browser downloads the file under its name; it is valid for 300 seconds at most."""
        headers = {
            "response-cache-control": "private, no-store",
            "response-content-disposition": attachment(key),
        }
        return self._presigned(method, key, min(seconds, LONGEST_URL), headers)

    async def check(self, key: str) -> None:
        """Ask for the first byte, as a member's browser will; raises FileMissingError or StorageUnavailableError."""
        problem = key_problem(key)
        if problem is not None:
            raise FileMissingError(f"the key {key!r} {problem}")
        url = URL(self._presigned("GET", key, _CHECKED_FOR, {}), encoded=True)
        try:
            async with self._connected().get(url, headers={"Range": "bytes=0-0"}, allow_redirects=False) as response:
                if response.status in _THERE:
                    return
                text = await response.content.read(_LARGEST_ERROR)
                date = response.headers.get("Date", "")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise StorageUnavailableError(
                f"S3 at {self._endpoint} did not answer: {str(error) or type(error).__name__}"
            ) from error
        raise self._rejected(key, response.status, text, date)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _presigned(self, method: str, key: str, seconds: int, parameters: dict[str, str]) -> str:
        credentials = Credentials(
            access_key_id=self._settings.s3_access_key_id.newest,
            secret_access_key=self._settings.s3_secret_access_key.newest,
            region=self._settings.s3_region,
        )
        address = ObjectAddress(endpoint=self._endpoint, bucket=self._bucket, key=key)
        return presigned(method, address, credentials, now=self._clock(), seconds=seconds, parameters=parameters)

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = self._settings.proxies.session(
                self._endpoint,
                aiohttp.TCPConnector(limit=_AT_ONCE),
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=_ANSWERS_WITHIN),
            )
        return self._session

    def _rejected(self, key: str, status: int, text: bytes, date: str) -> FileMissingError | StorageUnavailableError:
        found = _CODE.search(text)
        code = found[1].decode() if found else "no code"
        where = f"{key!r} in s3://{self._bucket}"
        ahead = self._ahead_of(date)
        if abs(ahead) > _CLOCKS_DIFFER:  # which S3 may call AccessDenied, since the URL has expired for it
            differs = f"{abs(ahead).total_seconds():.0f} s {'ahead of' if ahead > timedelta() else 'behind'} S3's"
            return StorageUnavailableError(
                f"S3 rejected the request for {where}: {status} {code}; our clock is {differs}"
            )
        if code in _MISSING or (found is None and status == HTTPStatus.NOT_FOUND):
            return FileMissingError(f"{where} is not there, or may not be read ({status} {code})")
        return StorageUnavailableError(f"S3 rejected the request for {where}: {status} {code}")

    def _ahead_of(self, date: str) -> timedelta:
        """How far our clock is ahead of the server's; zero if that does not say its time."""
        try:
            return self._clock() - parsedate_to_datetime(date)
        except (ValueError, TypeError):
            return timedelta()
