"""The sandbox's clock for subscriptions. It can be moved, as Stripe's test clocks can."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hingecraft_sandbox.providers.book import Book, now

_KIND, _ID = "clocks", "clock"


class Clock:
    """The time plus what it was moved by, which the journal keeps."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._still_at: int | None = None

    def now(self) -> int:
        """The moved time in whole seconds."""
        if self._still_at is not None:
            return self._still_at
        kept = self._book.get(_KIND, _ID)
        return now() + (kept["ahead"] if kept else 0)

    def set(self, moment: int) -> None:
        """Set the clock to this moment; it runs on from there."""
        if self._still_at is not None:
            self._still_at = moment
        self._book.put(_KIND, {"id": _ID, "ahead": moment - now()})

    @contextmanager
    def still(self) -> Iterator[None]:
        """Only `set` moves it meanwhile: what happens at one moment has one time, also where a second passes."""
        if self._still_at is not None:
            yield
            return
        self._still_at = self.now()
        try:
            yield
        finally:
            self._still_at = None
