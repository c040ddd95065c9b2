"""Processes whose clock is wrong."""

from __future__ import annotations

from pathlib import Path


def environment(offset: str) -> dict[str, str]:
    """Only the wall clock is moved.

    Without the last setting the waits of Python's interpreter lock end at once, and its threads starve each other.
    """
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME": offset,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",
    }
