"""The queries of the hot paths at a million rows: each look-up goes through an index."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from hingecraft import owners
from hingecraft.donations import prefills, situation
from hingecraft.donations.links import store as links
from hingecraft.idempotency import service as idempotency
from hingecraft.inbox import store as inbox
from hingecraft.inbox.model import GIVEN_UP_AFTER, OVERDUE
from hingecraft.installation import store as installation
from hingecraft.outbox import store as outbox
from hingecraft.outbox.model import AT_ONCE, LANES, LEASE
from hingecraft.payments import books, corrections, history, settlements, unassigned, writing
from hingecraft.payments import store as payments
from hingecraft.reconcile import store as reconcile
from hingecraft.reconcile import values
from hingecraft.routes import store as routes
from hingecraft.routes.rebuild import REBUILD
from support.limits import PROGRESS

# On an older Postgres a tenth: what is looked up through an index there is so at a million rows all the more.
ROWS = 100_000 if "HC_TEST_POSTGRES_VERSION" in os.environ else 1_000_000
# In steps, so that the limit of each is one on progress.
STEPS = 20
PAYMENTS = """
INSERT INTO external_payments (payment_id, gateway, provider, provider_id, currency, kind, status, provider_url,
                               expires_at, idempotency_key, request)
SELECT CASE WHEN n % 1000 <> 0 THEN gen_random_uuid() END, 'stripe', 'stripe',
       CASE WHEN n % 1000 <> 0 THEN 'cs_hc_' || n END,
       (ARRAY['USD', 'EUR', 'JPY', 'BTC'])[n % 4 + 1],
       CASE WHEN n % 1000 = 0 THEN 'standing' ELSE 'single' END,
       CASE WHEN n % 10 = 0 THEN 'pending' ELSE 'completed' END,
       'https://pay.example/' || n, now() + interval '1 day', 'hc_' || n, '{}'
FROM generate_series($1::int, $2::int) n
"""
OTHERS = (
    """
    INSERT INTO "ContributionIntent" ("_id", amount_entered, expires_at)
    SELECT 'prefill_' || n, 5, now() + interval '10 min' FROM generate_series($1::int, $2::int) n
    """,
    """
    INSERT INTO idempotency_keys (scope, key, fingerprint, claimed_until)
    SELECT 'POST /x', 'a-key-of-this-test-' || n, 'x', now() FROM generate_series($1::int, $2::int) n
    """,
    """
    INSERT INTO outbox (endpoint, type, data, state)
    SELECT 'site', 'routes.updated', '{}', CASE WHEN n % 1000 = 0 THEN 'pending' ELSE 'delivered' END
    FROM generate_series($1::int, $2::int) n
    """,
    """
    INSERT INTO provider_event_ids (source, event_id)
    SELECT 'stripe', 'evt_' || n FROM generate_series($1::int, $2::int) n
    """,
    """
    INSERT INTO provider_events (source, event_id, type, body, processed_at, ignored_because)
    SELECT 'stripe', 'evt_' || n, 'x', '{}', CASE WHEN n % 1000 <> 0 THEN now() END,
           CASE WHEN n % 10 = 7 THEN 'its link plink_evt_' || n || ' is not saved here' END
    FROM generate_series($1::int, $2::int) n
    """,
)
FOLLOWING = (
    """
    INSERT INTO payments (id, amount, currency, status, purpose, created_at)
    SELECT payment_id, 5, currency, 'pending', 'donation', created_at FROM external_payments
    WHERE payment_id IS NOT NULL
    """,
    """
    INSERT INTO settlements (payment_id, purpose, provider, livemode, kind, provider_ref, amount, currency, usd_amount)
    SELECT id, 'donation', 'stripe', true, 'charge', 'pi_' || id, 5, 'USD', 5 FROM payments
    """,
    """
    INSERT INTO payment_routes (version, routes, checksum)
    SELECT n, '{}', repeat('0', 64) FROM generate_series(2, 500) n
    """,
    "RESET session_replication_role",
    "ANALYZE",
)
READ_THROUGH_AN_INDEX = {"Index Scan", "Index Only Scan", "Bitmap Heap Scan", "ModifyTable"}


def scans(node: dict[str, object]) -> list[tuple[str, str]]:
    here = [(str(node["Node Type"]), str(node["Relation Name"]))] if "Relation Name" in node else []
    for child in node.get("Plans", []):  # type: ignore[attr-defined]
        here += scans(child)
    return here


async def plan(conn, sql: str, *arguments: object) -> list[tuple[str, str]]:
    transaction = conn.transaction()
    await transaction.start()
    try:
        explained = json.loads(await conn.fetchval(f"EXPLAIN (FORMAT JSON) {sql}", *arguments))
    finally:
        await transaction.rollback()
    return scans(explained[0]["Plan"])


LARGE = {"payments", "external_payments", "ContributionIntent", "idempotency_keys", "settlements", "provider_event_ids"}
AN_ID, A_MOMENT = UUID(int=7), datetime(2026, 1, 1, tzinfo=UTC)
TOLD = (
    [AN_ID],
    ["stripe"],
    [False],
    ["completed"],
    ["cs_7"],
    ["completed"],
    ["stripe"],
    ["told"],
    ["evt_7"],
    ["{}"],
    ["donation"],
)
MONEY = ([AN_ID], ["charge"], ["pi_new"], [Decimal(5)], ["USD"], [None])
DUE = (["creating", "unknown", "pending"], ["stripe"], ["stripe"])
HOT_PATHS: dict[str, tuple[str, tuple[object, ...]]] = {
    "rebuild": (REBUILD, (0, 0)),
    "route": (situation.ROUTE, ("BTC", "prefill_7", Decimal(5), "USD")),
    "opened": (payments.OPENED, (AN_ID, "cs_1", "https://x", None, "r", 5, "api", False)),
    "not opened": (payments.NOT_OPENED, (AN_ID, "failed", "a", "r", "{}", None, "api")),
    "fall back": (payments.FALL_BACK, (AN_ID, "failed", "wallet:x", "r", "{}", None, "{}")),
    "links elsewhere": (routes.LINKS_ELSEWHERE, ("^https://buy", 100)),
    "links unpublished": (routes.LINKS_UNPUBLISHED, (100,)),
    "latest": (payments.LATEST_CHECKOUT, (AN_ID,)),
    "state": (payments.STATE, (AN_ID,)),
    "session": (payments.OF_SESSION, ("cs_hc_77",)),
    "claim": (idempotency.CLAIM, ("POST /x", "a-key-of-this-test-7", "x", LEASE, LEASE)),
    "find": (idempotency.FIND, ("POST /x", "a-key-of-this-test-7")),
    "keep": (idempotency.KEEP, ("POST /x", "a-key-of-this-test-7", A_MOMENT, 200, "{}")),
    "use": (prefills.USE, ("prefill_7", AN_ID, LEASE, "r")),
    "look": (prefills.IS_USABLE, ("prefill_7", AN_ID, LEASE)),
    "take the e-mail": (prefills.TAKE_EMAIL, ("prefill_7", LEASE)),
    "forget persons": (prefills.ERASE_PERSONAL_DATA, (LEASE, 5000)),
    "page": (history.PAYMENTS, (A_MOMENT, AN_ID, 50)),
    "checkouts": (history.CHECKOUTS, (AN_ID,)),
    "lock": (books.LOCK, ([AN_ID],)),
    "state of a payment": (books.STATE, ([AN_ID],)),
    "charge": (books.OF_CHARGE, ("stripe", True, ["pi_7", "pi_8"])),
    "invoice": (books.OF_INVOICE, ("stripe", True, ["pi_7"], "in_7", ["pi_7", "cs_7"])),
    "owner": (owners.KNOWN, ("sub_7", "purchase", "cus_7", True, str(AN_ID))),
    "old card payment": (unassigned.OLD_OF_STRIPE, (["cs_7", "pi_7"],)),
    "old coin payment": (unassigned.OLD_OF_NOWPAYMENTS, (["invoice:7", "payment:7"],)),
    "open sessions": (installation.OPEN_SESSIONS, (True, 3)),
    "record": (writing.RECORD, (*TOLD, *MONEY)),
    "value": (writing.VALUE, (AN_ID, ["charge"], ["pi_7"], [Decimal(5)])),
    "values that are due": (values.DUE, (True, LEASE, AN_ID, False, 100)),
    "correction": (corrections.SETTLEMENT, (AN_ID,)),
    "transaction": (settlements.COUNTED, ("a" * 64,)),
    "standing": (unassigned.STANDING, ("stripe", "plink_7")),
    "due": (reconcile.CLAIM, (*DUE, False, LEASE, A_MOMENT, 200, LEASE)),
    "due in a dry run": (reconcile.LIST, (*DUE, False, LEASE, AN_ID, 200)),
    "links seen for the first time": (links.TAKE_OVER, ()),
    "stranded": (reconcile.CLOSE_STRANDED, ("reconcile", LEASE)),
    "had": (inbox.STORED_IDS, ("stripe", ["evt_7"])),
}
BY_MONTH: dict[str, list[tuple[str, tuple[object, ...]]]] = {
    "outbox": [
        *((outbox.CLAIM, (types, [], [], AT_ONCE, LEASE, ["site"])) for types in LANES),
        (outbox.SUPERSEDE, ("routes.updated",)),
    ],
    "provider_events": [
        (inbox.CLAIM, (64, LEASE, "stripe", OVERDUE, False)),
        (inbox.REOPEN, ("stripe", ["its link plink_7", "x"], ["its link plink_7", "x"], 1000)),
        (inbox.ASK_FIRST, (AN_ID, datetime.now(UTC), A_MOMENT)),
        (inbox.WAITING, ()),
        (inbox.GIVE_UP, (GIVEN_UP_AFTER,)),
        (inbox.MARK_PROCESSED, ([AN_ID], [A_MOMENT], [A_MOMENT], None, [None])),
        (inbox.MARK_ONE_PROCESSED, (AN_ID, datetime.now(UTC), A_MOMENT, None, None)),
        (inbox.POSTPONE, (AN_ID, datetime.now(UTC), A_MOMENT, LEASE, "x")),
    ],
}


async def fill(conn):
    await conn.execute("SET session_replication_role = replica")
    for rows, statements in ((ROWS, (PAYMENTS,)), (ROWS // 5, OTHERS)):
        for step in range(STEPS):
            numbers = rows * step // STEPS + 1, rows * (step + 1) // STEPS
            for sql in statements:
                await conn.execute(sql, *numbers, timeout=PROGRESS)
    for sql in FOLLOWING:
        await conn.execute(sql, timeout=5 * PROGRESS)


# Each statement has its own limit.
@pytest.mark.timeout(0)
async def test_every_look_up_goes_through_an_index_at_a_million_rows(conn):
    await fill(conn)
    for name, (sql, arguments) in HOT_PATHS.items():
        read = [(kind, table) for kind, table in await plan(conn, sql, *arguments) if table in LARGE]
        assert read or name == "claim", f"{name} reads nothing"
        assert {kind for kind, _ in read} <= READ_THROUGH_AN_INDEX, (name, read)
    for parent, queries in BY_MONTH.items():
        this_month = await conn.fetchval(f"SELECT tableoid::regclass::text FROM {parent} LIMIT 1")
        for sql, arguments in queries:
            found = {kind for kind, table in await plan(conn, sql, *arguments) if table == this_month}
            assert found, f"does not read {this_month}: {sql}"
            assert found <= READ_THROUGH_AN_INDEX, sql
    # The five hundred rows of payment_routes are looked up by a pin in whatever way is cheapest.
    for sql, arguments in ((routes.NEWEST_NUMBER, ()), (routes.NEWEST, ()), (routes.VERSIONS, (400, 50))):
        found = {kind for kind, table in await plan(conn, sql, *arguments) if table == "payment_routes"}
        assert found <= READ_THROUGH_AN_INDEX, sql
    await a_rebuild_reads_a_handful_of_pages_for_each_currency(conn)


async def a_rebuild_reads_a_handful_of_pages_for_each_currency(conn):
    for single_use in (False, True):
        await conn.execute("UPDATE route_policy SET single_use_checkouts = $1", single_use)
        explained = await conn.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {REBUILD}", 0, 0, timeout=PROGRESS)
        root = json.loads(explained)[0]["Plan"]
        assert root["Shared Hit Blocks"] + root["Shared Read Blocks"] < 5_000
