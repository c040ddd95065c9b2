"""Calls that callers with the same question share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Question = TypeVar("Question", bound=Hashable)
Result = TypeVar("Result")


class SharedCalls(Generic[Question, Result]):
    """Makes one call at a time for each question; callers who come while it runs share the next one.

    So no answer is older than its question, and a crowd that asks at once costs two calls.
    """

    def __init__(self, call: Callable[[Question], Awaitable[Result]]) -> None:
        self._call = call
        self._running: dict[Question, asyncio.Task[Result]] = {}
        self._next: dict[Question, asyncio.Task[Result]] = {}

    async def ask(self, question: Question) -> Result:
        """The result of a call that has not begun yet; raises what it raises, for all who share it."""
        turn = self._next.get(question)
        if turn is None:
            turn = self._next[question] = asyncio.create_task(self._turn(question), name="a shared call")
        return await asyncio.shield(turn)

    async def _turn(self, question: Question) -> Result:
        if question in self._running:
            await asyncio.wait([self._running[question]])
        self._running[question] = self._next.pop(question)
        try:
            return await self._call(question)
        finally:
            del self._running[question]
