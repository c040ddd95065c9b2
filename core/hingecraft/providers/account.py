"""One account at a provider: calls are repeated while there is time, kept within a limit, and end as the port says."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from hingecraft.observability import traces
from hingecraft.observability.spans import Kind
from hingecraft.providers.patience import Deadline, GivenUpError, TokenBucket, patiently
from hingecraft.providers.port import ProviderKeyError, ProviderRejectedError, ProviderUnknownError, Rejected
from hingecraft.providers.settings import ProviderSettings

log = logging.getLogger(__name__)

_Result = TypeVar("_Result")


class Account:
    """The base of the clients of all providers."""

    name: str
    # The advice about a rejected key, at the end of the line in the log.
    remedy: str

    def __init__(
        self, settings: ProviderSettings, key_rejected: Rejected = lambda _provider: None, *, per_second: float
    ) -> None:
        self._settings = settings
        self._key_rejected = key_rejected
        self._bucket = TokenBucket(per_second)

    async def call(self, attempt: Callable[[], Awaitable[_Result]], deadline: Deadline) -> _Result:
        """The result of the first attempt that succeeds, or an error of the port."""
        try:
            return await self.repeated(attempt, deadline)
        except ProviderKeyError as error:
            self.key_failed(error)
            raise

    async def repeated(self, attempt: Callable[[], Awaitable[_Result]], deadline: Deadline) -> _Result:
        """The same, for a caller that expects that the key may lack a permission."""
        with traces.span(f"call {self.name}", Kind.CLIENT, provider=self.name):
            try:
                return await patiently(attempt, deadline, self._bucket)
            except GivenUpError as error:
                if error.maybe_done:
                    raise ProviderUnknownError(error.reason) from error
                raise ProviderRejectedError(error.reason, code="provider_busy") from error

    def key_failed(self, error: ProviderKeyError) -> None:
        """Report a rejected key in the log and the metrics: a person has to set another one."""
        log.error("%s. %s", error, error.remedy or self.remedy)
        self._key_rejected(self.name)
