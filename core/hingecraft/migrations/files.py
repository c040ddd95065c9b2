"""Migration files: raw SQL, cut into steps by comments that say how each may run.

`-- @step quick`           all of it in one short transaction that may lock
`-- @step online`          one statement that does not hinder writers, however long it takes
`-- @step batched LABEL`   one statement repeated page by page, from `$1`, at most `$2` rows at a time
`-- @unless QUERY`         below a step: skip it where QUERY is true
`-- @partitions TABLE`     below an online step: repeat it for each partition of TABLE; its name replaces each_partition
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from hingecraft.errors import UsageError

Mode = Literal["quick", "online", "batched"]

_FILE_NAME = re.compile(r"(?P<number>\d{3})_(?P<name>[a-z0-9_]+)\.sql")
_STEP = re.compile(r"^-- @step (?P<mode>quick|online|batched)(?: (?P<label>\w+))?$", re.MULTILINE)
_UNLESS = re.compile(r"^-- @unless (?P<query>.+)$", re.MULTILINE)
_PARTITIONS = re.compile(r"^-- @partitions (?P<table>\w+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A part of a migration that is applied as a whole."""

    mode: Mode
    sql: str
    label: str = ""
    unless: str | None = None
    partitions: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One migration file."""

    number: int
    file_name: str
    checksum: str
    steps: tuple[Step, ...]


def migrations_folder() -> Path:
    """Inside the wheel beside this package, in a checkout at the top."""
    packaged = Path(__file__).parents[1] / "_migrations"
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "migrations"


def read_migrations(folder: Path) -> list[Migration]:
    """All migrations in order. Raises an error that names a gap, a double number or an empty file."""
    migrations = [_read(path) for path in sorted(folder.glob("*.sql"))]
    if not migrations:
        raise UsageError(f"there are no migrations in {folder}: the installation is incomplete")
    for expected, migration in enumerate(migrations):
        if migration.number != expected:
            raise UsageError(f"{migration.file_name}: migration {expected:03} is missing before it, or is duplicated")
    return migrations


def _read(path: Path) -> Migration:
    name = _FILE_NAME.fullmatch(path.name)
    if name is None:
        raise UsageError(f"{path.name}: name migrations like 042_what_it_does.sql")
    text = path.read_text(encoding="utf-8")
    return Migration(
        number=int(name["number"]),
        file_name=path.name,
        checksum=hashlib.sha256(text.encode()).hexdigest(),
        steps=tuple(_steps(path.name, text)),
    )


def _steps(file_name: str, text: str) -> Iterator[Step]:
    marks = list(_STEP.finditer(text))
    if not marks:
        raise UsageError(f"{file_name}: has no '-- @step' line: begin each step with one, such as '-- @step quick'")
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        sql = text[mark.end() : following.start() if following else len(text)].strip()
        unless = _UNLESS.search(sql)
        partitions = _PARTITIONS.search(sql)
        yield Step(
            mode=cast("Mode", mark["mode"]),
            sql=sql,
            label=mark["label"] or "",
            unless=unless["query"] if unless else None,
            partitions=partitions["table"] if partitions else None,
        )
