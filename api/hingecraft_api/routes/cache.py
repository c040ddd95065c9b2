"""The version that this pod serves: one immutable snapshot, swapped whole, its bytes and headers ready to send."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import brotli
from backports import zstd
from multidict import CIMultiDict

from hingecraft.routes.model import RoutesVersion, timestamp
from hingecraft_api.messages.answers import SECURITY_HEADERS
from hingecraft_api.messages.negotiation import IDENTITY

# Beyond this a few bytes cost milliseconds, which a pod under load does not have five times a second.
_BROTLI_QUALITY = 6
_GZIP_LEVEL = 6


@dataclass(frozen=True, slots=True)
class Variant:
    """One encoding of one version."""

    body: bytes
    etag: str
    headers: CIMultiDict[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything for the answers to `GET /routes`."""

    version: int
    checksum: str
    variants: Mapping[str, Variant]


def snapshot_of(routes: RoutesVersion) -> Snapshot:
    """A version ready to be served as it is; it can be served at once, the encodings follow."""
    body = _document(routes)
    identity = _variant(routes.version, routes.checksum, IDENTITY, body)
    return Snapshot(version=routes.version, checksum=routes.checksum, variants=MappingProxyType({IDENTITY: identity}))


def encoded(snapshot: Snapshot) -> Snapshot:
    """The same version with every encoding prepared; takes milliseconds, so it runs in a thread."""
    body = snapshot.variants[IDENTITY].body
    bodies = {
        "br": brotli.compress(body, quality=_BROTLI_QUALITY),
        "zstd": zstd.compress(body),
        "gzip": gzip.compress(body, _GZIP_LEVEL, mtime=0),
    }
    variants = {name: _variant(snapshot.version, snapshot.checksum, name, data) for name, data in bodies.items()}
    return Snapshot(
        version=snapshot.version,
        checksum=snapshot.checksum,
        variants=MappingProxyType({**snapshot.variants, **variants}),
    )


def _document(routes: RoutesVersion) -> bytes:
    """Built around the text of the routes, so that its numbers and its checksum stay those of the database."""
    head: dict[str, object] = {
        "version": routes.version,
        "checksum": routes.checksum,
        "generatedAt": timestamp(routes.generated_at),
    }
    if routes.restored_from is not None:
        head["restoredFrom"] = routes.restored_from
    return f'{{"success":true,"data":{json.dumps(head)[:-1]}, "routes": {routes.routes}}}}}'.encode()


def _variant(version: int, checksum: str, encoding: str, body: bytes) -> Variant:
    etag = f'"{checksum}"' if encoding == IDENTITY else f'"{checksum}-{encoding}"'
    headers = CIMultiDict(SECURITY_HEADERS)
    headers["Content-Type"] = "application/json; charset=utf-8"
    headers["Cache-Control"] = "public, max-age=1"
    headers["ETag"] = etag
    headers["Vary"] = "Accept-Encoding, Origin"
    headers["X-Routes-Version"] = str(version)
    if encoding != IDENTITY:
        headers["Content-Encoding"] = encoding
    return Variant(body, etag, headers)


class RoutesCache:
    """Holds the current snapshot. It never goes backwards."""

    def __init__(self) -> None:
        self.current: Snapshot | None = None
        # Differs as soon as an answer would differ in more than the date and the age.
        self.changes = 0
        self._confirmed_at = time.monotonic()

    @property
    def version(self) -> int:
        """The version that is served; 0 before there is one."""
        return self.current.version if self.current else 0

    @property
    def age(self) -> float:
        """Seconds since this pod last knew its version to be the newest."""
        return time.monotonic() - self._confirmed_at

    def confirm(self) -> None:
        """Record that Postgres just reported no newer version."""
        self._confirmed_at = time.monotonic()
        self.changes += 1

    def swap(self, snapshot: Snapshot) -> bool:
        """Serve this from now on, unless something newer is served already."""
        if snapshot.version < self.version:
            return False
        self.current = snapshot
        self.changes += 1
        return True
