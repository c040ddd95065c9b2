"""An API process on its own core, as production runs it, before a migrated Postgres."""

from __future__ import annotations

import asyncio
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psutil
from bench.servers import server_on_its_core

from hingecraft.migrations.command import bring_up_to_date
from hingecraft.settings import DsnSecret
from hingecraft_sandbox.postgres import Postgres, free_port
from support.pods import ADMIN_TOKEN, PUSH_SECRET, SITE_URL, VISITOR_SECRET

_READY_WITHIN = 15.0
_API = (sys.executable, "-m", "hingecraft", "api")
# In the place of what is installed here and not in production.
_ABSENT = Path(__file__).parent / "absent"


def migrate(server: Postgres, database: str = "postgres") -> None:
    """Bring one of the server's databases up to date, making it if need be."""
    asyncio.run(_migrate(server, database))


async def _migrate(server: Postgres, database: str) -> None:
    if database != "postgres":
        admin = await asyncpg.connect(server.dsn())
        await admin.execute(f"CREATE DATABASE {database}")
        await admin.close()
    await bring_up_to_date(DsnSecret(server.dsn(database)), "hingecraft_app", lambda _line: None)


@dataclass(frozen=True)
class Api:
    """A pod that serves."""

    process: psutil.Process
    url: str
    internal: str
    seconds_to_ready: float

    def get(self, path: str = "/routes") -> bytes:
        with urllib.request.urlopen(self.url + path, timeout=5) as answer:
            body: bytes = answer.read()
            return body


@contextmanager
def running_api(server: Postgres, command: Sequence[str] = _API, **environment: str) -> Iterator[Api]:
    port, internal = free_port(), free_port()
    started = time.monotonic()
    with server_on_its_core(
        command,
        DATABASE_URL=server.dsn(), HOST="127.0.0.1", PORT=str(port), INTERNAL_PORT=str(internal),
        ADMIN_TOKEN=ADMIN_TOKEN, PUSH_SECRET=PUSH_SECRET, VISITOR_SECRET=VISITOR_SECRET, SITE_URL=SITE_URL,
        RATE_LIMIT_ROUTES="100000000", CORS_ORIGINS="https://site.example", LOG_LEVEL="INFO", PYTHONPATH=str(_ABSENT),
        **environment,
    ) as process:  # fmt: skip
        url = f"http://127.0.0.1:{port}"
        while True:
            try:
                with urllib.request.urlopen(f"{url}/ready", timeout=1):
                    break
            except OSError:
                if time.monotonic() - started > _READY_WITHIN:
                    raise
                time.sleep(0.005)
        yield Api(process, url, f"http://127.0.0.1:{internal}", time.monotonic() - started)
