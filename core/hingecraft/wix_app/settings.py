"""The settings of the Wix app. Without them, its endpoints are off."""

from __future__ import annotations

import re
from base64 import b64decode
from typing import Literal
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import Field, field_validator, model_validator

from hingecraft.proxies import is_loopback
from hingecraft.settings import CommaList, OptionalSecret, Secret, Settings

_PEM_BEGINS = "-----BEGIN PUBLIC KEY-----"
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")
_PEM = re.compile(rf"{_PEM_BEGINS}[A-Za-z0-9+/=\s]+-----END PUBLIC KEY-----\s*")


class WixAppSettings(Settings):
    """The ids and keys that the app has in Wix's dashboard for developers."""

    wix_app_id: str = Field("", description="the id of the Wix app, a UUID; without it the Wix app is off")
    wix_app_secret: OptionalSecret = Field(
        Secret(), description="the Wix app's secret: verifies instance tokens, and logs in to Wix's API"
    )
    wix_app_public_key: str = Field(
        "", description="verifies webhooks from Wix: the app's public key, as PEM or as base64 of the PEM"
    )
    wix_instance_check: Literal["local", "token_info"] = Field(
        "local",
        description="how instance tokens are verified: local, with WIX_APP_SECRET, or token_info, by Wix",
    )
    wix_owner_instances: CommaList = Field(
        (), description="instance ids of the Wix sites that may see this backend's payments, comma-separated"
    )
    wix_api_base: str = Field("https://www.wixapis.com", description="address of Wix's API or of a stand-in")
    wix_installations_url: str = Field(
        "",
        description="address of Wix's Query App Installations, which lists the sites that have the app; empty: the "
        "list is not read",
    )

    @property
    def serves_wix_app(self) -> bool:
        """Whether owners of sites can call."""
        return bool(self.wix_app_id and self.wix_app_secret)

    @field_validator("wix_app_id")
    @classmethod
    def _app_id(cls, app_id: str) -> str:
        return _uuid(app_id) if app_id else app_id

    @field_validator("wix_owner_instances")
    @classmethod
    def _instance_ids(cls, ids: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_uuid(each) for each in ids)

    @field_validator("wix_app_public_key")
    @classmethod
    def _public_key(cls, key: str) -> str:
        if not key:
            return key
        pem = key.replace("\\n", "\n") if "-----" in key else _decoded(key)
        if not _PEM.fullmatch(pem.strip()):
            raise ValueError(f"must be a public key: PEM that begins with {_PEM_BEGINS}, or base64 of it")
        return pem.strip() + "\n"

    @field_validator("wix_api_base")
    @classmethod
    def _api_base(cls, address: str) -> str:
        parts = urlsplit(address)
        local = parts.scheme == "http" and is_loopback(parts.hostname or "")
        if not parts.hostname or parts.query or not (parts.scheme == "https" or local):
            raise ValueError("must be an https address (http on this machine only), without a query")
        return address.rstrip("/")

    @model_validator(mode="after")
    def _whose_list(self) -> WixAppSettings:
        if self.wix_installations_url and not _is_below(self.wix_installations_url, self.wix_api_base):
            raise ValueError(
                f"WIX_INSTALLATIONS_URL must be an address at {_origin(self.wix_api_base)}, where the app's tokens are "
                "sent, and have no query"
            )
        return self

    @model_validator(mode="after")
    def _whose_keys(self) -> WixAppSettings:
        if (self.wix_app_secret or self.wix_app_public_key) and not self.wix_app_id:
            raise ValueError("WIX_APP_ID is not set, and WIX_APP_SECRET and WIX_APP_PUBLIC_KEY need it")
        return self


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _is_below(address: str, base: str) -> bool:
    """Whether it is a path, and nothing more, at the origin of the base."""
    path = address.removeprefix(_origin(base))
    return path != address and _PATH.fullmatch(path) is not None


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise ValueError(f"must be a UUID such as 6f1d2c3e-0000-4000-8000-000000000000, not {text!r}") from None


def _decoded(text: str) -> str:
    try:
        return b64decode(text, validate=True).decode("ascii")
    except ValueError:
        return ""
