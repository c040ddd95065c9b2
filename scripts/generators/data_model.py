"""docs/data-model.md: the tables and functions of a migrated database, read from its catalogue."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import asyncpg

from generators.tables import code, page, table
from hingecraft.migrations.command import bring_up_to_date
from hingecraft.settings import DsnSecret
from hingecraft_sandbox.postgres import Postgres, find_binaries, free_port
from support.folders import open_folder

_TABLES = """
    SELECT c.oid, c.relname AS name, c.relkind AS kind, obj_description(c.oid, 'pg_class') AS comment,
           CASE c.relkind WHEN 'p' THEN pg_get_partkeydef(c.oid) END AS partitions
    FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
      AND NOT c.relispartition ORDER BY lower(c.relname), c.relname"""
_COLUMNS = """
    SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS required,
           CASE a.attidentity WHEN '' THEN pg_get_expr(d.adbin, d.adrelid) ELSE 'identity' END AS default,
           col_description(a.attrelid, a.attnum) AS comment
    FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"""
_KEYS = """
    SELECT pg_get_constraintdef(oid) AS definition FROM pg_constraint
    WHERE conrelid = $1 AND contype IN ('p', 'u', 'f', 'x') ORDER BY array_position('{p,u,f,x}', contype), conname"""
_TRIGGERS = """
    SELECT t.tgname AS name, t.tgfoid::regproc::text AS function,
           CASE WHEN t.tgtype & 2 = 2 THEN 'before' WHEN t.tgtype & 64 = 64 THEN 'instead of' ELSE 'after' END
               AS moment,
           (SELECT string_agg(event, ', ' ORDER BY bit)
            FROM (VALUES (4, 'insert'), (8, 'delete'), (16, 'update'), (32, 'truncate')) AS e (bit, event)
            WHERE t.tgtype & bit = bit) AS events
    FROM pg_trigger t WHERE t.tgrelid = $1 AND NOT t.tgisinternal ORDER BY t.tgname"""
_FUNCTIONS = """
    SELECT p.proname AS name, pg_get_function_identity_arguments(p.oid) AS arguments,
           pg_get_function_result(p.oid) AS result, p.prosecdef AS as_owner,
           obj_description(p.oid, 'pg_proc') AS comment
    FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.prokind IN ('f', 'p')
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    ORDER BY p.proname, 2"""

_VIEWS = {b"v": "A view.", b"m": "A materialized view."}


def document() -> str:
    """From a new Postgres, which takes some seconds."""
    with open_folder() as folder:
        server = Postgres(folder=folder / "postgres", binaries=find_binaries("18"), port=free_port(), settings={})
        server.start()
        try:
            return asyncio.run(_of_new_database(server.dsn("postgres")))
        finally:
            server.stop(immediately=True)


async def _of_new_database(dsn: str) -> str:
    await bring_up_to_date(DsnSecret(dsn), "hingecraft_app", lambda _line: None)
    return await described(dsn)


async def described(dsn: str) -> str:
    """The page about the database at an address."""
    connection = await asyncpg.connect(dsn)
    try:
        lines = [*_HEAD]
        for each in await connection.fetch(_TABLES):
            parts = [await connection.fetch(query, each["oid"]) for query in (_COLUMNS, _KEYS, _TRIGGERS)]
            lines += _table(each, *parts)
        return page([*lines, *_functions(await connection.fetch(_FUNCTIONS))])
    finally:
        await connection.close()


def _table(
    about: asyncpg.Record, columns: Sequence[Any], keys: Sequence[Any], triggers: Sequence[Any]
) -> Iterator[str]:
    yield from (f"## {about['name']}", "")
    if view := _VIEWS.get(about["kind"]):
        yield from (view, "")
    if about["comment"]:
        yield from (_sentence(about["comment"]), "")
    if about["partitions"]:
        yield from (f"Partitioned by {about['partitions'].lower()}: one partition for each month.", "")
    rows = [
        (code(each["name"]), each["type"] + ("" if each["required"] else ", or null"), code(each["default"] or ""),
         each["comment"] or "")
        for each in columns
    ]  # fmt: skip
    yield from (*table(("column", "type", "default", "meaning"), rows), "")
    notes = [code(each["definition"]) for each in keys]
    notes += [
        f"Trigger {code(each['name'])}: {each['moment']} {each['events']}, calls {code(each['function'])}"
        for each in triggers
    ]
    if notes:
        yield from (*(f"- {note}" for note in notes), "")


def _functions(functions: Sequence[Any]) -> Iterator[str]:
    yield from ("## Functions", "", "Those that return `trigger` are called by the triggers above.", "")
    rows = [
        (code(f"{each['name']}({each['arguments']})"), each["result"], "yes" if each["as_owner"] else "",
         each["comment"] or "")
        for each in functions
    ]  # fmt: skip
    yield from (*table(("function", "returns", "runs as the owner", "meaning"), rows), "")


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


_HEAD = (
    "# Data model",
    "",
    "Written by `make generate` from a Postgres 18 that has been migrated.",
    "",
    (
        "Each table is listed with its columns, keys and triggers; then follow the functions. Meanings are "
        "the comments in the database, so `\\d+ payments` in `psql` shows them too. "
        "[Architecture](architecture.md) says which code writes what, and [Privacy](privacy.md) which "
        "of it is personal and how long it is kept. Amounts are decimals in the currency of the row."
    ),
    "",
)
