"""Presigned URLs of S3: AWS's Signature Version 4 in the query (docs/decisions/0067). Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

_ALGORITHM = "AWS4-HMAC-SHA256"
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The key that signs, and the region that it signs for."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    region: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectAddress:
    """An object of a bucket at a server, by a path-style address. `endpoint` has no slash at its end."""

    endpoint: str
    bucket: str
    key: str

    @property
    def path(self) -> str:
        """Its path, encoded once, as S3 wants it in the URL and in what is signed."""
        return quote(f"{urlsplit(self.endpoint).path}/{self.bucket}/{self.key}", safe="/-_.~")

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        parts = urlsplit(self.endpoint)
        return f"{parts.scheme}://{self.host}"

    @property
    def host(self) -> str:
        """The header Host that clients send: with the port, unless it is the scheme's own."""
        parts = urlsplit(self.endpoint)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
        usual = parts.port is None or parts.port == _DEFAULT_PORTS.get(parts.scheme)
        return host if usual else f"{host}:{parts.port}"


def presigned(
    method: str,
    address: ObjectAddress,
    credentials: Credentials,
    *,
    now: datetime,
    seconds: int,
    parameters: Mapping[str, str] | None = None,
) -> str:
    """A URL that allows one method on one object for some seconds, without another header than Host."""
    moment = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{moment[:8]}/{credentials.region}/s3/aws4_request"
    query = _encoded(
        {
            "X-Amz-Algorithm": _ALGORITHM,
            "X-Amz-Credential": f"{credentials.access_key_id}/{scope}",
            "X-Amz-Date": moment,
            "X-Amz-Expires": str(seconds),
            "X-Amz-SignedHeaders": "host",
            **(parameters or {}),
        }
    )
    request = "\n".join((method, address.path, query, f"host:{address.host}", "", "host", "UNSIGNED-PAYLOAD"))
    hashed = hashlib.sha256(request.encode()).hexdigest()
    signature = _hmac(_key(credentials, moment[:8]), f"{_ALGORITHM}\n{moment}\n{scope}\n{hashed}").hex()
    return f"{address.origin}{address.path}?{query}&X-Amz-Signature={signature}"


def _encoded(parameters: Mapping[str, str]) -> str:
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in parameters.items())
    return "&".join(f"{name}={value}" for name, value in pairs)


def _key(credentials: Credentials, day: str) -> bytes:
    key = f"AWS4{credentials.secret_access_key}".encode()
    for part in (day, credentials.region, "s3", "aws4_request"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
