"""Calls of Wix's API: repeated while there is time, within the limit of each site, with a token that is kept."""

from __future__ import annotations

import json
import logging
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, TypeVar
from uuid import UUID

import aiohttp

from hingecraft.observability import traces
from hingecraft.observability.spans import Kind
from hingecraft.providers.patience import Deadline, GivenUpError, TokenBucket, TransientError, patiently, seconds_in
from hingecraft.providers.port import (
    ProviderKeyError,
    ProviderMissingError,
    ProviderRejectedError,
    ProviderUnknownError,
    Rejected,
)
from hingecraft.proxies import Proxies
from hingecraft.settings import Secret
from hingecraft.wix_app.client.model import seconds_of

log = logging.getLogger(__name__)

NAME: Final = "wix"
# Wix takes 200 calls a minute for each site that has the app.
_PER_SECOND = 200 / 60
# Seconds before its end at which a token is replaced.
_EARLY = 300.0
_MOST_SITES = 20_000
_LARGEST = 1024 * 1024
_CONNECTIONS = 200
_REJECTED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_WRONG_CREDENTIALS = frozenset({"invalid_client", "unauthorized_client"})
_GRANT, _TOKEN_PATH = "client_credentials", "/oauth2/token"

_ADDRESS = ("https://", "http://")
_SET_CREDENTIALS = "Set WIX_APP_ID and WIX_APP_SECRET to what Wix's dashboard for developers shows"
# Wix has given the token just before: id and secret are right.
_ADD_PERMISSION = "Add the permission that this call needs to the app, in Wix's dashboard for developers"

# What may stand in a header.
_TOKEN = re.compile(r"[!-~]{1,8192}")

_Result = TypeVar("_Result")


class NotInstalledError(ProviderMissingError):
    """Wix gives our app no token for the site: the app is not installed there."""


@dataclass(slots=True)
class _Site:
    """The token of one site, and its share of the limit."""

    bucket: TokenBucket = field(default_factory=lambda: TokenBucket(_PER_SECOND))
    token: str | None = None
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    retry_after: str
    document: dict[str, Any] | None


class WixCalls:
    """The account of our app at Wix. Tokens are kept in memory: each process asks for its own."""

    def __init__(
        self,
        app_id: str,
        secret: Secret,
        api_base: str,
        proxies: Proxies,
        key_rejected: Rejected = lambda _provider: None,
    ) -> None:
        self._app_id = app_id
        self._secret = secret
        self._api_base = api_base
        self._proxies = proxies
        self._key_rejected = key_rejected
        self._session: aiohttp.ClientSession | None = None
        self._sites: OrderedDict[UUID, _Site] = OrderedDict()

    @property
    def api_base(self) -> str:
        """Wix's API, or a stand-in for it."""
        return self._api_base

    async def of_site(
        self,
        instance_id: UUID,
        method: str,
        path: str,
        deadline: Deadline,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The answer to a call on behalf of one site; a path may be a whole address at the API's origin.

        Raises NotInstalledError, ProviderRejectedError or ProviderUnknownError.
        """
        site = self._site(instance_id)

        async def attempt() -> dict[str, Any]:
            answer = await self._request(method, path, body, await self._token(instance_id, site))
            if answer.status in _REJECTED:
                # The token was revoked, or the app was removed and perhaps installed again: ask for a new one, once.
                site.token = None
                answer = await self._request(method, path, body, await self._token(instance_id, site))
            return _document(answer)

        return await self._patiently(attempt, deadline, site.bucket)

    async def of_app(self, path: str, deadline: Deadline, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a call that needs no token."""

        async def attempt() -> dict[str, Any]:
            answer = await self._request("POST", path, body, None)
            if answer.status in _REJECTED:
                # We sent no key that could be rejected, only what a caller has sent.
                raise ProviderRejectedError(f"Wix answered {answer.status}")
            return _document(answer)

        return await self._patiently(attempt, deadline, None)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _patiently(
        self, attempt: Callable[[], Awaitable[_Result]], deadline: Deadline, bucket: TokenBucket | None
    ) -> _Result:
        with traces.span(f"call {NAME}", Kind.CLIENT, provider=NAME):
            try:
                return await patiently(attempt, deadline, bucket)
            except ProviderKeyError as error:
                log.error("%s. %s", error, error.remedy)  # noqa: TRY400 - one line
                self._key_rejected(NAME)
                raise
            except GivenUpError as error:
                if error.maybe_done:
                    raise ProviderUnknownError(error.reason) from error
                raise ProviderRejectedError(error.reason, code="provider_busy") from error

    def _site(self, instance_id: UUID) -> _Site:
        site = self._sites.pop(instance_id, None) or _Site()
        self._sites[instance_id] = site
        if len(self._sites) > _MOST_SITES:
            self._sites.popitem(last=False)
        return site

    async def _token(self, instance_id: UUID, site: _Site) -> str:
        if site.token is not None and time.monotonic() < site.until:
            return site.token
        credentials = {
            "grant_type": _GRANT,
            "client_id": self._app_id,
            "client_secret": self._secret.newest,
            "instance_id": str(instance_id),
        }
        answer = await self._request("POST", _TOKEN_PATH, credentials, None)
        error = (answer.document or {}).get("error")
        code = error if isinstance(error, str) else None
        if answer.status == HTTPStatus.UNAUTHORIZED or code in _WRONG_CREDENTIALS:
            raise ProviderKeyError("Wix rejects the app's id or secret", remedy=_SET_CREDENTIALS)
        if answer.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND} and code is not None:
            raise NotInstalledError(f"Wix gives no token for this site ({code[:60]})")
        found = _document(answer)
        token, lasts = found.get("access_token"), seconds_of(found.get("expires_in"))
        if not isinstance(token, str) or not _TOKEN.fullmatch(token) or lasts is None:
            raise TransientError("Wix's answer holds no token", maybe_done=False)
        site.token, site.until = token, time.monotonic() + max(lasts - _EARLY, lasts / 2)
        return token

    async def _request(self, method: str, path: str, body: Mapping[str, Any] | None, token: str | None) -> _Answer:
        headers = {"Accept": "application/json"} | ({"Authorization": token} if token is not None else {})
        try:
            async with self._open_session().request(
                method, self._address(path), json=body, headers=headers, allow_redirects=False
            ) as response:
                text = await _body(response.content)
                return _Answer(response.status, response.headers.get("Retry-After", ""), _parsed(text))
        except (aiohttp.ClientError, OSError) as error:
            raise TransientError(f"Wix cannot be reached ({type(error).__name__})", maybe_done=True) from error

    def _address(self, path: str) -> str:
        return path if path.startswith(_ADDRESS) else self._api_base + path

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = self._proxies.session(self._api_base, aiohttp.TCPConnector(limit=_CONNECTIONS))
        return self._session


async def _body(content: aiohttp.StreamReader) -> bytes:
    """The whole body, which arrives in pieces."""
    text = bytearray()
    async for chunk in content.iter_any():
        text += chunk
        if len(text) > _LARGEST:
            raise TransientError("Wix's answer is too large", maybe_done=True)
    return bytes(text)


def _document(answer: _Answer) -> dict[str, Any]:
    """The answer, if it is an object with a successful status. Wix's message may repeat what we sent."""
    reason = f"Wix answered {answer.status}"
    if answer.status in _REJECTED:
        forbidden = answer.status == HTTPStatus.FORBIDDEN
        raise ProviderKeyError(reason, forbidden=forbidden, remedy=_ADD_PERMISSION)
    if answer.status == HTTPStatus.NOT_FOUND:
        raise ProviderMissingError(reason)
    refused = HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR
    if refused and answer.status not in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.CONFLICT}:
        raise ProviderRejectedError(reason)
    if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        throttled = answer.status == HTTPStatus.TOO_MANY_REQUESTS
        raise TransientError(reason, maybe_done=not throttled, retry_after=seconds_in(answer.retry_after))
    if answer.document is None:
        raise TransientError("Wix's answer cannot be read", maybe_done=True)
    return answer.document


def _parsed(text: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
