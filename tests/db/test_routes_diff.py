"""`hingecraft routes diff` says what changed between two versions, with the exit codes of diff."""

from __future__ import annotations

import asyncio

import pytest

from hingecraft import cli
from hingecraft.routes import service as routes

pytestmark = pytest.mark.newest_postgres


@pytest.fixture
async def diff(dsn, monkeypatch, capsys):
    monkeypatch.setenv("DATABASE_URL", dsn.newest)

    async def run(before: str, after: str):
        code = await asyncio.to_thread(cli.main, ["routes", "diff", before, after])
        return code, capsys.readouterr()

    return run


def changes(told: str) -> list[str]:
    """Every route that changes also has another `updatedAt`, by the clock."""
    return [line for line in told.splitlines() if " updatedAt: " not in line]


async def test_what_came_went_and_changed_is_told(conn, database, diff):
    await conn.execute("UPDATE currencies SET enabled = false WHERE code = 'CHF'")
    await conn.execute("INSERT INTO currencies (code, name, symbol) VALUES ('XTS', 'Test money', 'T')")
    await conn.execute("UPDATE currencies SET symbol = 'E' WHERE code = 'EUR'")
    await routes.publish(database)
    code, told = await diff("1", "newest")
    assert (code, changes(told.out)) == (1, ["- CHF Swiss franc", '~ EUR symbol: "€" -> "E"', "+ XTS Test money"])
    code, told = await diff("2", "1")
    assert (code, changes(told.out)) == (1, ["+ CHF Swiss franc", '~ EUR symbol: "E" -> "€"', "- XTS Test money"])


async def test_a_wallet_is_told_field_by_field(conn, database, diff):
    await conn.execute("INSERT INTO wallets (coin, wallet_address) VALUES ('BTC', 'bc1qfirst')")
    await routes.publish(database)
    await conn.execute("UPDATE wallets SET wallet_address = 'bc1qsecond' WHERE coin = 'BTC'")
    await routes.publish(database)
    code, told = await diff("2", "3")
    assert code == 1
    assert '~ BTC wallet.address: "bc1qfirst" -> "bc1qsecond"\n' in told.out


async def test_a_version_does_not_differ_from_itself(diff):
    assert (await diff("1", "newest"))[0] == 0


async def test_a_version_that_is_not_kept_is_trouble(diff):
    code, told = await diff("1", "7")
    assert (code, told.out) == (2, "")
    assert "version 7 is not kept" in told.err


async def test_a_database_that_does_not_answer_is_trouble(diff, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    code, told = await diff("1", "2")
    assert code == 2
    assert "Postgres is unavailable" in told.err
