"""The sandbox's clock for subscriptions. It can be moved, as Stripe's test clocks can."""

from __future__ import annotations

from hingecraft_sandbox.providers.book import Book, now

_KIND, _ID = "clocks", "clock"


class Clock:
    """The time plus what it was moved by, which the journal keeps."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def now(self) -> int:
        """The moved time in whole seconds."""
        kept = self._book.get(_KIND, _ID)
        return now() + (kept["ahead"] if kept else 0)

    def set(self, moment: int) -> None:
        """Set the clock to this moment; it runs on from there."""
        self._book.put(_KIND, {"id": _ID, "ahead": moment - now()})
