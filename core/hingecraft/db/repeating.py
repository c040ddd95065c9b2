"""Work in one transaction, done again where its connection ended in the middle."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from hingecraft.errors import ConnectionEndedError

log = logging.getLogger(__name__)

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def done_again(work: Callable[_Arguments, Awaitable[_Result]]) -> Callable[_Arguments, Coroutine[Any, Any, _Result]]:
    """Do the work once more if its connection ended between two statements, so that nothing of it was kept.

    Postgres ends a transaction that others wait for when its process stands still, as on a machine that is too busy.
    """

    @wraps(work)
    async def doing(*arguments: _Arguments.args, **named: _Arguments.kwargs) -> _Result:
        try:
            return await work(*arguments, **named)
        except ConnectionEndedError as error:
            log.info("done again from its beginning: %s", error)
        return await work(*arguments, **named)

    return doing
