"""The settings of downloads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

from pydantic import Field, field_validator

from hingecraft.identity.settings import SigningSecret
from hingecraft.proxies import ProxySettings, is_loopback
from hingecraft.settings import OptionalSentSecret, Secret, SentSecret

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class DownloadSettings(ProxySettings):
    """Where the files of designs are, and how their URLs are signed. Without these, only downloads are off."""

    downloads: str = Field(
        "",
        description="where the files of designs are: file:///folder, or s3://bucket with S3_ACCESS_KEY_ID and "
        "S3_SECRET_ACCESS_KEY; without it, downloads are off",
    )
    download_secret: SigningSecret = Field(
        Secret(), description="signs the URLs of downloads; at least 32 characters; without it they are off"
    )
    download_url_seconds: int = Field(600, description="how long the URL of a download is valid", ge=30, le=86_400)
    s3_endpoint: str = Field(
        "",
        description="address of the S3 server, with path-style addresses, as browsers reach it; default: AWS's of the "
        "region",
    )
    s3_region: str = Field("us-east-1", description="region that S3 requests are signed for", pattern="^[a-z0-9-]+$")
    s3_access_key_id: OptionalSentSecret = Field(SentSecret(), description="access key id of S3")
    s3_secret_access_key: OptionalSentSecret = Field(SentSecret(), description="secret access key of S3")

    @field_validator("downloads")
    @classmethod
    def _location(cls, location: str) -> str:
        if not location:
            return location
        parts = urlsplit(location)
        is_folder = parts.scheme == "file" and not parts.netloc and parts.path.strip("/")
        is_bucket = parts.scheme == "s3" and _BUCKET.fullmatch(parts.netloc) and parts.path in {"", "/"}
        if not (is_folder or is_bucket) or parts.query or parts.fragment:
            raise ValueError("must be file:///folder (an absolute path) or s3://bucket (without a path)")
        return location

    @field_validator("s3_endpoint")
    @classmethod
    def _address_of_s3(cls, address: str) -> str:
        """Members' browsers are sent there, with a URL that downloads the file."""
        parts = urlsplit(address)
        local = parts.scheme == "http" and is_loopback(parts.hostname or "")
        unusual = parts.query or parts.fragment or parts.username is not None
        if address and (not parts.hostname or unusual or not (parts.scheme == "https" or local)):
            raise ValueError("must be an https address (http on this machine only), without user, password or query")
        return address.rstrip("/")

    @property
    def download_folder(self) -> str | None:
        """The folder of the files, if they are in one."""
        return unquote(urlsplit(self.downloads).path) if self.downloads.startswith("file:") else None

    @property
    def download_bucket(self) -> str | None:
        """The bucket of the files, if they are in one."""
        return urlsplit(self.downloads).netloc if self.downloads.startswith("s3:") else None

    @property
    def missing_for_downloads(self) -> Sequence[str]:
        """The names of the settings without which downloads are off."""
        needed = ["downloads", "download_secret"]
        if self.download_bucket is not None:
            needed += ["s3_access_key_id", "s3_secret_access_key"]
        return [name.upper() for name in needed if not getattr(self, name)]
