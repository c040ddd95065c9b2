"""A database of the software before this one, with the irregular rows that years of use have left."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import asyncpg

from hingecraft.db.connection import connect
from hingecraft.settings import Secret

TABLES = """
CREATE TABLE payments (id uuid, amount numeric, currency text, status text, created_at timestamptz);
CREATE TABLE external_payments (
    id uuid, payment_id uuid, gateway text, currency text, amount numeric, status text, provider_payload jsonb,
    created_at timestamptz);
CREATE TABLE wallets (id uuid, coin text, wallet_address text, created_at timestamptz);
CREATE TABLE "ContributionIntent" (_id text, amount_entered numeric, source text, "_createdDate" timestamptz);
"""

PAYMENTS = """
INSERT INTO payments
SELECT gen_random_uuid(), (n % 500) + 1, (ARRAY['usd', 'USD', 'btc', 'Eur'])[n % 4 + 1],
       (ARRAY['paid', 'Completed', 'pending', 'weird state', NULL, 'FINISHED', 'succeeded', 'cancelled'])[n % 8 + 1],
       now() - n * interval '1 second'
FROM generate_series(1, $1::int) n
"""
CHECKOUTS = """
INSERT INTO external_payments
SELECT gen_random_uuid(), p.id, (ARRAY['NOWPayments', 'stripe', NULL])[n % 3 + 1],
       (ARRAY['usd', 'BTC', 'eth'])[n % 3 + 1], 5,
       (ARRAY['waiting', 'open', 'finished', 'x', NULL])[n % 5 + 1],
       (ARRAY[
           NULL, '"just text"', '[1, {"payment_url": "https://pay.example/arr"}]',
           '{"invoice_url": "https://pay.example/inv"}', '{"deep": {"er": {"checkout_url": "https://pay.example/deep"}}}',
           '"{\\"invoice_url\\": \\"https://pay.example/text\\"}"', '{"invoice_url": 7}', '"{broken"', 'null', '{}'
       ]::jsonb[])[n % 10 + 1],
       p.created_at
FROM (SELECT id, created_at, row_number() OVER () AS n FROM payments) p
"""
WALLETS = """
INSERT INTO wallets VALUES
    (gen_random_uuid(), 'btc', 'old-address', now() - interval '2 years'),
    (gen_random_uuid(), 'BTC', 'new-address', now() - interval '1 year'),
    (gen_random_uuid(), ' btc ', 'new-address', now() - interval '1 year'),
    (gen_random_uuid(), 'eth', 'eth-address', now())
"""

OLD_SOFTWARE_PAYS = """
INSERT INTO payments (id, amount, currency, status, created_at) VALUES ($1, 5, 'usd', 'Paid', now())
"""
OLD_SOFTWARE_CHECKS_OUT = """
INSERT INTO external_payments (id, payment_id, gateway, currency, amount, status, provider_payload, created_at)
VALUES (gen_random_uuid(), $1, 'nowpayments', 'btc', 5, 'waiting', '{"invoice_url": "https://pay.example/live"}', now())
"""


async def make_legacy(conn: asyncpg.Connection, payments: int) -> None:
    """As many payments, each with one checkout."""
    await conn.execute(TABLES)
    await conn.execute(PAYMENTS, payments)
    await conn.execute(CHECKOUTS)
    await conn.execute(WALLETS)
    await conn.execute("""INSERT INTO "ContributionIntent" VALUES ('prefill_1', 5, 'mission_support_other', now())""")


class OldSoftware:
    """Writes fifty times a second as it always did, and remembers how long the longest write took."""

    def __init__(self, dsn: Secret, **server_settings: str) -> None:
        self.written = 0
        self.longest = 0.0
        self._dsn = dsn
        self._server_settings = server_settings

    async def run(self) -> None:
        """Until cancelled."""
        conn = await connect(self._dsn, application="old software", statement_timeout=None, **self._server_settings)
        now = asyncio.get_running_loop().time
        try:
            while True:
                payment, began = uuid4(), now()
                await conn.execute(OLD_SOFTWARE_PAYS, payment)
                await conn.execute(OLD_SOFTWARE_CHECKS_OUT, payment)
                await conn.execute("UPDATE payments SET status = 'done?' WHERE id = $1", payment)
                self.longest = max(self.longest, now() - began)
                self.written += 1
                await asyncio.sleep(0.02)
        finally:
            await conn.close()
