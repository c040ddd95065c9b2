"""A real standby that streams from a primary."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from hingecraft.migrations.command import bring_up_to_date
from hingecraft.settings import DsnSecret
from hingecraft_sandbox.postgres import Postgres, find_binaries, free_port
from support.folders import open_folder


@contextmanager
def primary_and_standby() -> Iterator[tuple[Postgres, Postgres]]:
    """A migrated primary, and the standby that follows it."""
    with open_folder() as folder:
        primary = Postgres(folder=folder / "primary", binaries=find_binaries("18"), port=free_port())
        primary.start()
        try:
            asyncio.run(bring_up_to_date(DsnSecret(primary.dsn()), "hingecraft_app", lambda _line: None))
            with _streaming_standby(primary) as standby:
                yield primary, standby
        finally:
            primary.stop(immediately=True)


@contextmanager
def _streaming_standby(primary: Postgres) -> Iterator[Postgres]:
    """A copy of a running primary, made by pg_basebackup, that follows it until it is promoted."""
    owner = (primary.folder / "data").stat()
    standby = Postgres(folder=primary.folder.parent / "standby", binaries=primary.binaries, port=free_port())
    standby.folder.mkdir()
    os.chown(standby.folder, owner.st_uid, owner.st_gid)
    subprocess.run(
        [
            standby.binaries.folder / "pg_basebackup", "--pgdata", standby.folder / "data", "--dbname", primary.dsn(),
            "--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync",
        ],
        check=True,
        user=owner.st_uid,
        group=owner.st_gid,
        extra_groups=[] if os.geteuid() == 0 else None,
        cwd="/",
    )  # fmt: skip
    standby.start()
    try:
        yield standby
    finally:
        standby.stop(immediately=True)
