"""Structured logs: JSON lines in production, readable lines on a terminal, secrets masked in both."""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TextIO

from hingecraft.settings import Secret, Settings

_MASK = "***"
# Patterns of secrets that may be in other people's texts: keys, tokens, passwords in a DSN, e-mail addresses.
_SECRET_SHAPES = re.compile(
    r"(?:sk|rk|pk)_(?:live|test)_\w+|whsec_[A-Za-z0-9+/=]+|(?<=Bearer )[\w.~+/-]+|(?<=://)[^/\s:@]+:[^@\s]+(?=@)"
    r"|eyJ[\w-]+\.[\w-]+\.[\w-]*|[\w.+-]+@[\w-]+\.[\w.-]+"
)
# One of these is in or before everything that a pattern finds. Most lines have none, which is known much sooner.
_MARKS = ("@", "_live_", "_test_", "whsec_", "Bearer ", "eyJ")
_OWN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

# Libraries that log every call; our own lines have what matters.
_TALKATIVE = ("stripe",)


class Masker:
    """Takes secrets out of text: those of this process by value, others by their shape."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._secrets = tuple(secrets)

    def __call__(self, text: str) -> str:
        """Mask the secrets in the text."""
        for secret in self._secrets:
            for value in secret.values:
                text = text.replace(value, _MASK)
        return _SECRET_SHAPES.sub(_MASK, text) if any(mark in text for mark in _MARKS) else text


class _Formatter(logging.Formatter):
    def __init__(self, mask: Masker) -> None:
        super().__init__()
        self._mask = mask

    @staticmethod
    def _extra(record: logging.LogRecord) -> dict[str, Any]:
        return {name: value for name, value in vars(record).items() if name not in _OWN_FIELDS}

    @staticmethod
    def _trace(record: logging.LogRecord) -> str | None:
        return "".join(traceback.format_exception(*record.exc_info)) if record.exc_info else None


class JsonFormatter(_Formatter):
    """Writes one JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """The fields that a log search asks for, then whatever the call added."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **self._extra(record),
        }
        if trace := self._trace(record):
            line["trace"] = trace
        return self._mask(json.dumps(line, default=str, ensure_ascii=False))


class TerminalFormatter(_Formatter):
    """Writes lines for people."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, message, then the rest as name=value."""
        clock = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        extra = "".join(f"  {name}={value}" for name, value in self._extra(record).items())
        trace = self._trace(record)
        return self._mask(
            f"{clock} {record.levelname:<7} {record.getMessage()}{extra}" + (f"\n{trace}" if trace else "")
        )


def secrets_of(settings: Settings) -> list[Secret]:
    """All secrets in the settings of a process."""
    return [value for value in dict(settings).values() if isinstance(value, Secret)]


def start_logging(level: str, secrets: Iterable[Secret], *, stream: TextIO = sys.stderr) -> None:
    """Send everything to one stream; called once by each process."""
    mask = Masker(secrets)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(TerminalFormatter(mask) if stream.isatty() else JsonFormatter(mask))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level) if root.level > logging.DEBUG else root.level)
