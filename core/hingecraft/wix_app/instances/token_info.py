"""Verifies tokens by asking Wix: instance values, and the access tokens of pages that have been open for long."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from hingecraft.identity.errors import AuthUnavailableError
from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import ProviderRejectedError, ProviderUnknownError
from hingecraft.wix_app.client.client import WixClient
from hingecraft.wix_app.client.model import TokenInfo
from hingecraft.wix_app.errors import InvalidInstanceError
from hingecraft.wix_app.instances.model import LARGEST_TOKEN, Instance

# Seconds for which an answer is believed; a shorter life of the token counts.
KEPT = 300.0
# A token that Wix does not know is asked about again after this time.
KEPT_INVALID = 30.0
_ANSWERS_WITHIN = 4.0
_MOST = 20_000
_SHAPE = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class _Kept:
    info: TokenInfo | None
    until: float


class TokenInfoCheck:
    """Asks Wix once for each token; all callers with the same one wait for the same answer."""

    def __init__(self, client: WixClient, app_id: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._app_id = app_id
        self._clock = clock
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()
        self._asked: dict[bytes, asyncio.Task[TokenInfo | None]] = {}

    async def verified(self, token: str) -> Instance:
        """The site whose owner calls.

        Raises InvalidInstanceError, or AuthUnavailableError while Wix does not answer.
        """
        if len(token) > LARGEST_TOKEN:
            raise InvalidInstanceError(f"The instance token is too large: the limit is {LARGEST_TOKEN // 1024} KB.")
        if not _SHAPE.fullmatch(token):
            raise InvalidInstanceError("The instance token is malformed.")
        return owner_of(await self._info(token), self._app_id, datetime.now(UTC))

    async def _info(self, token: str) -> TokenInfo | None:
        key = hashlib.sha256(token.encode()).digest()
        kept = self._kept.get(key)
        if kept is not None and self._clock() < kept.until:
            return kept.info
        if key not in self._asked:
            self._asked[key] = asyncio.create_task(self._ask(key, token))
            self._asked[key].add_done_callback(lambda _task: self._asked.pop(key, None))
        return await asyncio.shield(self._asked[key])

    async def _ask(self, key: bytes, token: str) -> TokenInfo | None:
        try:
            info = await self._client.token_info(token, Deadline.within(_ANSWERS_WITHIN))
        except ProviderRejectedError as error:
            if error.passing:
                raise AuthUnavailableError from error
            # Wix rejects a text that is not a token at all.
            info = None
        except ProviderUnknownError as error:
            raise AuthUnavailableError from error
        self._keep(key, info)
        return info

    def _keep(self, key: bytes, info: TokenInfo | None) -> None:
        lasts = KEPT_INVALID
        if info is not None:
            lasts = min(KEPT, (info.expires_at - datetime.now(UTC)).total_seconds())
        self._kept[key] = _Kept(info, self._clock() + lasts)
        self._kept.move_to_end(key)
        if len(self._kept) > _MOST:
            self._kept.popitem(last=False)


def owner_of(info: TokenInfo | None, app_id: str, now: datetime) -> Instance:
    """The site, if its owner calls. Pages of the public site hold tokens of the same site, of a visitor or a member."""
    if info is None or info.expires_at <= now:
        raise InvalidInstanceError("Wix does not know the token, or it has expired.")
    if (info.app_id or "").lower() != app_id:
        raise InvalidInstanceError("The token belongs to another app.")
    if info.subject != "USER":
        raise InvalidInstanceError("The token does not belong to the site's owner.")
    if info.instance_id is None:
        raise InvalidInstanceError("The token names no site.")
    return Instance(instance_id=info.instance_id, signed_at=info.issued_at, ends_at=info.expires_at)
