"""`hingecraft routes` lists the versions, and says what changed between two, with the exit codes of diff."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from hingecraft import cli
from hingecraft.routes import service as routes

pytestmark = pytest.mark.newest_postgres


@pytest.fixture
async def command(dsn, monkeypatch, capsys):
    monkeypatch.setenv("DATABASE_URL", dsn.newest)

    async def run(*arguments: str):
        code = await asyncio.to_thread(cli.main, ["routes", *arguments])
        return code, capsys.readouterr()

    return run


@pytest.fixture
async def diff(command):
    return partial(command, "diff")


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


@pytest.mark.parametrize("version", ["0", "-1", "x", "1.0", str(2**63)])
async def test_another_text_than_a_version_is_a_usage_error(command, capsys, version):
    with pytest.raises(SystemExit):
        await command("diff", "1", "--", version)
    assert f"'{version}' is neither a version such as 12 nor newest" in capsys.readouterr().err


async def test_a_database_that_does_not_answer_is_trouble(diff, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    code, told = await diff("1", "2")
    assert code == 2
    assert "Postgres is unavailable" in told.err


async def test_the_history_is_listed_and_says_what_a_pin_went_back_to(conn, database, command):
    await conn.execute("UPDATE currencies SET enabled = false WHERE code = 'CHF'")
    await routes.publish(database)
    await conn.execute("UPDATE route_policy SET pin_version = 1")
    await routes.publish(database)
    code, told = await command("history")
    head, *rows = told.out.splitlines()
    assert (code, head.split()) == (0, ["VERSION", "PUBLISHED", "CURRENCIES", "CHECKSUM", "NOTE"])
    assert [row.split()[0] for row in rows] == ["3", "2", "1"]
    assert rows[0].endswith("the routes of version 1 again")
    assert int(rows[1].split()[2]) == int(rows[2].split()[2]) - 1
    code, told = await command("history", "--limit", "1")
    assert told.out.splitlines() == [head, rows[0]]


async def test_an_impossible_number_of_versions_is_a_usage_error(command):
    with pytest.raises(SystemExit):
        await command("history", "--limit", "501")
