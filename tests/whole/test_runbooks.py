"""The commands of docs/ that need no cluster, run page by page against a pod, an engine and the providers' sandbox."""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import uuid
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import asyncpg
import pytest

from conftest import VERSION
from hingecraft_sandbox.postgres import find_binaries
from support.documented import ROOT, Shell, blocks_for, pages_for
from support.folders import open_folder
from support.limits import PROGRESS
from support.pods import ADMIN_TOKEN
from support.processes import SECRETS, ApiProcess, HingecraftProcess
from support.sandbox import Sandbox

TEMPLATE = "hc_template"
ADA = "ada@example.com"
NUMBERS = "SELECT status, count(*) FROM payments GROUP BY status ORDER BY status"
INSTALLATION = "SELECT id FROM installation"
TOTALS = "SELECT kind, count(*), sum(usd_amount) FROM settlements GROUP BY kind ORDER BY kind"
# An event that was processed once waits as after an outage of its provider.
WAITING = """
UPDATE provider_events SET processed_at = NULL, next_attempt_at = now() + interval '1 hour', attempts = 3,
       error = 'Stripe answered nothing'
WHERE id = (SELECT id FROM provider_events WHERE type = 'checkout.session.completed' LIMIT 1)
"""


class World:
    """One database with a pod, an engine and the sandbox, for all pages."""

    def __init__(self, folder: Path, server: str) -> None:
        self.folder = folder
        self.server = server
        self.names: list[str] = []
        self.owner, self.pods = (f"r_{each}_{uuid.uuid4().hex[:8]}" for each in ("owner", "pods"))
        self.sandbox = Sandbox(folder)

    async def start(self) -> None:
        await self.execute(
            f"CREATE ROLE {self.owner} LOGIN; CREATE ROLE {self.pods} LOGIN IN ROLE hingecraft_app", self.server
        )
        self.dsn = await self.database(TEMPLATE)
        await self.execute("UPDATE currencies SET enabled = kind = 'crypto' OR code IN ('USD', 'EUR')")
        await self.sandbox.start()
        await self.sandbox.ready()
        self.pod = ApiProcess(self.folder, "api", self.dsn, **self.sandbox.environment)
        self.engine = HingecraftProcess(
            self.folder, "sync", "sync", DATABASE_URL=self.dsn, API_ADDRESSES=self.pod.internal
        )
        for each in (self.pod, self.engine):
            await each.start()
        await self.pod.until("/ready", 200)

    async def stop(self) -> None:
        for each in (self.engine, self.pod, self.sandbox):
            await each.stop()
        for name in self.names:
            await self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", self.server)
        await self.execute(f"DROP ROLE {self.owner}, {self.pods}", self.server)

    async def database(self, template: str, name: str = "") -> str:
        """A new one."""
        name = name or f"r_{uuid.uuid4().hex[:16]}"
        self.names.append(name)
        await self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy", self.server)
        return self.dsn_of(name)

    def dsn_of(self, name: str, role: str = "") -> str:
        """As the server's superuser, or as a role with its own rights only."""
        parts = urlsplit(self.server)
        return urlunsplit(
            parts._replace(path=f"/{name}", netloc=f"{role or parts.username}@{parts.netloc.partition('@')[2]}")
        )

    def as_pods(self, dsn: str) -> str:
        return self.dsn_of(urlsplit(dsn).path[1:], self.pods)

    async def execute(self, statement: str, dsn: str = "") -> None:
        connection = await asyncpg.connect(dsn or self.dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def rows(self, statement: str, dsn: str = "") -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(dsn or self.dsn)
        try:
            return [tuple(row) for row in await connection.fetch(statement)]
        finally:
            await connection.close()

    async def until(self, statement: str, wanted: list[tuple[Any, ...]]) -> None:
        async with asyncio.timeout(PROGRESS):
            while await self.rows(statement) != wanted:
                await asyncio.sleep(0.05)

    async def all_processed(self) -> None:
        await self.until("SELECT FROM provider_events WHERE processed_at IS NULL", [])

    async def call(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        async with aiohttp.ClientSession() as client, client.post(self.pod.public + path, json=body) as response:
            assert response.status == 200, await response.text()
            answer: dict[str, Any] = await response.json()
            return answer["data"]

    async def given(self, amount: int, **more: str) -> str:
        """A gift by card that is completed; answers its payment."""
        body = {"amount": amount, "currency": "USD", **more}
        payment: str = (await self.call("/charter/generate-payment", body))["paymentId"]
        (session,) = await self.sandbox.sessions(payment)
        await self.sandbox.act(session["id"], "pay")
        await self.until(f"SELECT status FROM payments WHERE id = '{payment}'", [("completed",)])
        return payment

    async def shell(self, folder: Path) -> Shell:
        """As the runbooks expect it: with the programs, and what operations.md exports."""
        await self.sandbox.tells(self.pod.public, enabled=True)
        payment = await self.given(5)
        ((settlement,),) = await self.rows(f"SELECT id::text FROM settlements WHERE payment_id = '{payment}'")
        examples = {
            "<payment>": payment, "<settlement>": settlement, "<version>": "1", "<invoice>": "in_1",
            **{f"<{name}>": str(uuid.uuid4()) for name in ("user", "product", "job")},
            "OWNER hingecraft_owner": f"OWNER {self.owner}",
            "https://pay.example.com": self.pod.public,
            "http://127.0.0.1:8080": self.pod.public, "http://127.0.0.1:8092": self.sandbox.address,
        }  # fmt: skip
        programs = [ROOT / ".venv/bin", find_binaries(os.environ.get(VERSION, "18")).folder, os.environ["PATH"]]
        return Shell(
            folder, examples, **SECRETS, **self.sandbox.environment, PATH=":".join(map(str, programs)),
            API=self.pod.public, DATABASE_URL=self.as_pods(self.dsn), MIGRATION_DATABASE_URL=self.dsn,
        )  # fmt: skip


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def world(server: str, runner: asyncio.Runner) -> Iterator[World]:
    with open_folder() as folder:
        made = World(folder, server)
        runner.run(made.start())
        yield made
        runner.run(made.stop())


async def an_account_differs(world: World, shell: Shell, page: str) -> None:
    user = shell.examples["<user>"]
    await world.execute(f"INSERT INTO credit_accounts (user_id, balance) VALUES ('{user}', 70)")
    found, *_ = await shell.page(page, "whole")
    assert user in found
    assert await world.rows(f"SELECT balance FROM credit_accounts WHERE user_id = '{user}'") == [(0,)]


async def events_wait(world: World, shell: Shell, page: str) -> None:
    await world.execute(WAITING)
    found, *_ = await shell.page(page, "whole")
    assert "Stripe answered nothing" in found
    await world.all_processed()


async def a_value_is_wrong(world: World, shell: Shell, page: str) -> None:
    printed = await shell.page(page, "whole")
    assert "from pending to completed" in printed[1]
    payment = shell.examples["<payment>"]
    assert await world.rows(f"SELECT sum(usd_amount) FROM settlements WHERE payment_id = '{payment}'") == [(25,)]


async def a_person_asks(world: World, shell: Shell, page: str) -> None:
    payment = await world.given(7, email=ADA)
    await world.all_processed()
    await shell.page(page, "whole")
    before, after = (json.loads((shell.folder / f"{name}.json").read_text()) for name in ("ada", "left"))
    assert [each["id"] for each in before["payments"]] == [payment]
    assert before["providerMessages"]
    assert (after["payments"], after["providerMessages"]) == ([], [])


async def the_database_is_lost(world: World, shell: Shell, page: str) -> None:
    """A gift after the backup is in the restored database, with the same numbers as in the lost one."""
    restored = world.dsn_of("hingecraft_restored")
    world.names.append("hingecraft_restored")
    shell.environment |= {
        "SERVER_URL": world.server, "NEW_DATABASE_URL": world.dsn_of("hingecraft_restored", world.owner),
        "PODS_DATABASE_URL": world.as_pods(restored),
    }  # fmt: skip
    await a_backup_is_made(shell)
    after = await world.given(11)
    printed = await shell.page(page, "whole")
    assert await world.rows(f"SELECT status FROM payments WHERE id = '{after}'", restored) == [("completed",)]
    for statement in (NUMBERS, TOTALS):
        assert await world.rows(statement, restored) == await world.rows(statement)
    count, total = charges(printed[-3])
    assert charges(printed[-1]) == (count + 1, total + 11)


def charges(printed: str) -> tuple[int, Decimal]:
    """Their number and their value, as psql shows them."""
    ((count, total),) = re.findall(r"charge +\| +(\d+) \| +([\d.]+)", printed)
    return int(count), Decimal(total)


async def a_backup_is_made(shell: Shell) -> None:
    (first, *_) = blocks_for("backup-and-restore.md", "whole")
    await shell.run(first)


async def a_backup_is_restored(world: World, shell: Shell, page: str) -> None:
    """The restored database is what becomes a copy, and what is counted."""
    restored = await world.database("template0")
    shell.environment |= {"NEW_DATABASE_URL": restored}
    dump, restore, copy, count = blocks_for(page, "whole")
    await shell.run(dump)
    assert "nothing to do" in await shell.run(restore)
    assert await world.rows(NUMBERS, restored) == await world.rows(NUMBERS)
    shell.environment["DATABASE_URL"] = world.as_pods(restored)
    await shell.run(copy)
    await shell.run(count)
    assert await world.rows(INSTALLATION, restored) != await world.rows(INSTALLATION)


async def the_token_is_new(world: World, shell: Shell, page: str) -> None:
    shell.environment["NEW"] = ADMIN_TOKEN
    assert await shell.page(page, "whole") == ["200\n"]
    shell.environment["NEW"] = secrets.token_hex()
    assert await shell.page(page, "whole") == ["401\n"]


async def as_it_is(_world: World, shell: Shell, page: str) -> None:
    await shell.page(page, "whole")


# What is made before a page is followed, and checked after it.
STORIES: dict[str, Callable[[World, Shell, str], Awaitable[None]]] = {
    "backup-and-restore.md": a_backup_is_restored,
    "runbooks/credits.md": an_account_differs,
    "runbooks/erasure.md": a_person_asks,
    "runbooks/inbox.md": events_wait,
    "runbooks/payment-failures.md": a_value_is_wrong,
    "runbooks/restoring-postgres.md": the_database_is_lost,
    "runbooks/rotating-keys.md": the_token_is_new,
}


@pytest.mark.parametrize("page", pages_for("whole"))
def test_the_commands_of_a_page_work(world, runner, tmp_path, page):
    async def followed() -> None:
        await STORIES.get(page, as_it_is)(world, await world.shell(tmp_path), page)

    runner.run(followed())


def test_each_story_has_its_page():
    assert STORIES.keys() <= set(pages_for("whole"))
