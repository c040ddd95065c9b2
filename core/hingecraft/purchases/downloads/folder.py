"""Files below a folder, which the backend itself sends."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import stat
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

from hingecraft.purchases.downloads.model import FileMissingError, StorageUnavailableError
from hingecraft.purchases.file_keys import key_problem

# A disk that hangs must not hold up what else runs in threads.
_READERS = 8
_NOT_THERE = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENXIO}
)
# Without O_NONBLOCK, opening a named pipe waits for its writer.
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A regular file. It stays the same when another file takes its name."""

    file: io.FileIO
    size: int
    changed_at: int

    @property
    def descriptor(self) -> int:
        """Raises ValueError once the file is closed: another file may have its number by then."""
        return self.file.fileno()

    @property
    def etag(self) -> str:
        """A strong entity tag, the same in all pods that have the same file."""
        return f'"{self.changed_at:x}-{self.size:x}"'

    @property
    def is_unchanged(self) -> bool:
        """Whether nobody has written to it since it was opened."""
        found = os.fstat(self.descriptor)
        return (found.st_size, found.st_mtime_ns) == (self.size, self.changed_at)

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self.file.close()


class Folder:
    """The files below one folder. Links may lead to other places below it, and nowhere else."""

    def __init__(self, root: str) -> None:
        self._root = Path(root)
        self._threads = ThreadPoolExecutor(_READERS, thread_name_prefix="downloads")

    async def check(self, key: str) -> None:
        """Raises FileMissingError or StorageUnavailableError, as `open` would."""
        (await self.open(key)).close()

    async def open(self, key: str) -> OpenFile:
        """Open one file; raises FileMissingError or StorageUnavailableError."""
        opening = self._threads.submit(self._open, key)
        try:
            return await asyncio.wrap_future(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_unused)
            raise

    async def in_thread(
        self, function: Callable[_Arguments, _Result], *arguments: _Arguments.args, **named: _Arguments.kwargs
    ) -> _Result:
        """Call a function that reads from the disk; a caller that is cancelled waits until it has ended."""
        running = asyncio.wrap_future(self._threads.submit(function, *arguments, **named))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            # It uses descriptors that the caller closes: another file could get their numbers.
            await asyncio.wait([running])
            raise

    async def close(self) -> None:
        """Stop the threads that read the disk."""
        self._threads.shutdown(wait=False)

    def _open(self, key: str) -> OpenFile:
        problem = key_problem(key)
        if problem is not None:
            raise FileMissingError(f"the key {key!r} {problem}")
        try:
            root = self._root.resolve(strict=True)
        except OSError as error:
            raise StorageUnavailableError(f"the folder {self._root} cannot be read: {error.strerror}") from error
        try:
            path = (root / key).resolve(strict=True)
            if not path.is_relative_to(root):
                raise FileMissingError(f"{key!r} is a link that leads out of {root}")
            return _opened(path, key)
        except RuntimeError as error:  # before Python 3.13, a loop of links
            raise FileMissingError(f"{key!r} is a link that leads to itself") from error
        except OSError as error:
            kind = FileMissingError if error.errno in _NOT_THERE else StorageUnavailableError
            raise kind(f"{key!r} below {root} cannot be read: {error.strerror}") from error


def _opened(path: Path, key: str) -> OpenFile:
    descriptor = os.open(path, _FLAGS)
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise FileMissingError(f"{key!r} is not a file")
    return OpenFile(io.FileIO(descriptor), found.st_size, found.st_mtime_ns)


def _close_unused(opening: Future[OpenFile]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
