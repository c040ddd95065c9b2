"""The sandbox's storage: objects by kind and id, in a journal file if one is given."""

from __future__ import annotations

import copy
import json
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

Document = dict[str, Any]
Holds = Callable[[Document], bool]


class Book:
    """Each write is a line appended to the journal; a start reads it again."""

    def __init__(self, journal: Path | None = None) -> None:
        self._objects: dict[str, dict[str, Document]] = {}
        self._journal: TextIO | None = None
        if journal is not None:
            if journal.exists():
                self._read(journal)
            self._journal = journal.open("a", encoding="utf-8")

    def _read(self, journal: Path) -> None:
        """Ignores a last line that was cut off by a kill."""
        for line in journal.read_text(encoding="utf-8").splitlines():
            try:
                kind, document = json.loads(line)
            except ValueError:
                continue
            self._objects.setdefault(kind, {})[str(document["id"])] = document

    def put(self, kind: str, document: Document) -> Document:
        """Store the object in its present state."""
        kept = copy.deepcopy(document)
        self._objects.setdefault(kind, {})[str(document["id"])] = kept
        if self._journal is not None:
            self._journal.write(json.dumps([kind, kept]) + "\n")
            self._journal.flush()
        return document

    def get(self, kind: str, key: str) -> Document | None:
        """A copy, so that callers cannot change the stored object by accident."""
        found = self._objects.get(kind, {}).get(key)
        return copy.deepcopy(found) if found is not None else None

    def all(self, kind: str, holds: Holds = lambda _document: True) -> list[Document]:
        """The objects that `holds` accepts, newest first. Only these are copied: a test run may have thousands."""
        return [copy.deepcopy(each) for each in reversed(self._objects.get(kind, {}).values()) if holds(each)]

    def count(self, kind: str) -> int:
        """The number of objects."""
        return len(self._objects.get(kind, {}))

    def forget(self, kind: str | None = None) -> None:
        """Forget everything, or all objects of one kind."""
        if kind is None:
            self._objects.clear()
        else:
            self._objects.pop(kind, None)

    def close(self) -> None:
        """Close the journal."""
        if self._journal is not None:
            self._journal.close()


def new_id(prefix: str) -> str:
    """A random id, as long as the real ones."""
    return f"{prefix}{secrets.token_hex(24)}"


def now() -> int:
    """The time in whole seconds, as Stripe's API has it."""
    return int(time.time())
