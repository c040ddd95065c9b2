"""Archives whose bytes depend on nothing but their content: sorted, with one time, and with one of two modes."""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import time
import zipfile
from collections.abc import Iterable
from pathlib import Path

_RUNS, _READS = 0o755, 0o644


def files_below(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())


def mode(file: Path) -> int:
    return _RUNS if file.stat().st_mode & stat.S_IXUSR else _READS


def write_zip(folder: Path, target: Path, when: int) -> None:
    """The folder, with its own name in front of each file; `when` in seconds since 1970."""
    with zipfile.ZipFile(target, "w") as archive:
        for file in files_below(folder):
            entry = zipfile.ZipInfo(str(file.relative_to(folder.parent)), time.gmtime(when)[:6])
            entry.external_attr = (stat.S_IFREG | mode(file)) << 16
            archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED, compresslevel=9)


def write_tgz(files: Iterable[tuple[str, Path]], target: Path, when: int) -> None:
    """Each file under the name that is given for it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, file in sorted(files):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = file.stat().st_size, when, mode(file)
            with file.open("rb") as content:
                archive.addfile(entry, content)
    target.write_bytes(gzip.compress(packed.getvalue(), compresslevel=9, mtime=when))
