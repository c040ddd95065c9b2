"""A folder that goes away by itself, and that the unprivileged user of Postgres can reach."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MEMORY = Path("/dev/shm")
# A million rows with their indexes and WAL take 3 GB.
_ENOUGH_MEMORY = 6 * 2**30


@contextmanager
def open_folder(*, prefix: str = "hingecraft-test-", parent: Path | None = None) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def database_folder() -> Iterator[Path]:
    """In memory where there is enough: a copy of a database writes six hundred files."""
    _remove_forgotten()
    parent = _MEMORY if _free_memory() >= _ENOUGH_MEMORY else None
    with open_folder(prefix=f"hingecraft-test-of-{os.getpid()}-", parent=parent) as folder:
        yield folder


def _free_memory() -> int:
    if not os.path.ismount(_MEMORY):
        return 0
    available = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable"))
    return min(shutil.disk_usage(_MEMORY).free, int(available.split()[1]) * 1024)


def _remove_forgotten() -> None:
    """Folders in memory whose test run was killed; their Postgres ends when it finds that its files are gone."""
    for folder in _MEMORY.glob("hingecraft-test-of-*"):
        if not Path(f"/proc/{folder.name.split('-')[3]}").exists():
            shutil.rmtree(folder, ignore_errors=True)
