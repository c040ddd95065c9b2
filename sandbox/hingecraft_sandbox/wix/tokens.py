"""Tokens of Wix: instance values of the dashboard and of pages, access tokens, and what Token Info says of both."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import secrets
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from hingecraft_sandbox.providers.book import Document
from hingecraft_sandbox.providers.switches import Switches
from hingecraft_sandbox.wix.config import WixConfig

Caller = Literal["owner", "visitor", "member"]
LIFE = 4 * 3600
SUBJECTS: Mapping[Caller, str] = {"owner": "USER", "visitor": "VISITOR", "member": "MEMBER"}
_ACCESS = "OauthNG.JWS."


@dataclass(frozen=True, slots=True)
class Access:
    """An access token: whose it is and until when."""

    site: Document
    subject: str
    issued: int
    expires: int


class Tokens:
    """Access tokens live until the sandbox is stopped; instance values verify themselves."""

    def __init__(self, config: WixConfig, switches: Switches) -> None:
        self._config = config
        self._switches = switches
        self._access: dict[str, Access] = {}
        self._texts = itertools.cycle((False, True))

    def instance_of(self, site: Document, caller: Caller = "owner", age: float = 0) -> str:
        """The `instance` parameter of a page, signed so many seconds ago."""
        signed = time.time() - age
        data: Document = {
            "instanceId": site["id"],
            "appDefId": self._config.app_id,
            "signDate": _moment(signed),
            "demoMode": False,
            "siteOwnerId": site["owner_id"],
            "expirationDate": _moment(signed + LIFE),
            "metaSiteId": site["site_id"],
        }
        if caller == "owner":
            data |= {"uid": site["owner_id"], "permissions": "OWNER", "siteMemberId": site["owner_id"]}
        elif caller == "member":
            data |= {"uid": str(uuid.uuid4()), "siteMemberId": str(uuid.uuid4())}
        else:
            data |= {"uid": None, "aid": str(uuid.uuid4())}
        return self.signed(data)

    def signed(self, data: Document) -> str:
        """Any data, signed with the app's secret."""
        text = _base64(json.dumps(data).encode())
        return f"{self._signature(text)}.{text}"

    def access_for(self, site: Document, subject: str = "APP", age: float = 0) -> str:
        """A new access token: the app's own, or what `dashboard.getAccessToken()` answers to a person."""
        token = _ACCESS + secrets.token_urlsafe(48)
        issued = int(time.time() - age)
        self._access[token] = Access(site, subject, issued, issued + LIFE)
        return token

    def revoke(self) -> None:
        """All access tokens stop working, as when the app's secret is rotated."""
        self._access.clear()

    def site_of(self, authorization: str) -> str | None:
        """The site whose app sends this header, without "Bearer"; None for a token that does not work."""
        access = self._access.get(authorization)
        if access is None or access.subject != "APP" or access.expires <= time.time():
            return None
        return str(access.site["id"])

    def info(self, token: str) -> Document:
        """The answer of Token Info; numbers may be texts."""
        access = self._access.get(token) or self._from_instance(token)
        if access is None or access.expires <= time.time():
            return {"active": False}
        texts = {"texts": True, "numbers": False}.get(self._switches.wix.numbers)
        number: Any = str if (next(self._texts) if texts is None else texts) else int
        return {
            "active": True,
            "subjectType": access.subject,
            "subjectId": access.site["owner_id"] if access.subject == "USER" else str(uuid.uuid4()),
            "exp": number(access.expires),
            "iat": number(access.issued),
            "clientId": self._config.app_id,
            "siteId": access.site["site_id"],
            "instanceId": access.site["id"],
        }

    def _from_instance(self, token: str) -> Access | None:
        signature, _, text = token.partition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(text).encode()):
            return None
        data = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        expires = datetime.fromisoformat(data["expirationDate"]).timestamp()
        caller: Caller = "visitor" if data.get("aid") else "owner" if data.get("permissions") == "OWNER" else "member"
        site = {"id": data["instanceId"], "owner_id": data["siteOwnerId"], "site_id": data["metaSiteId"]}
        return Access(site, SUBJECTS[caller], int(expires) - LIFE, int(expires))

    def _signature(self, text: str) -> str:
        return _base64(hmac.new(self._config.secret.encode(), text.encode(), hashlib.sha256).digest())


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
