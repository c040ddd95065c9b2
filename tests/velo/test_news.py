"""The backend's own engine tells a stand-in of the site: what it signs, the site's code believes."""

from __future__ import annotations

import asyncio

import aiohttp

from hingecraft.outbox.model import PAYMENT_EVENTS, ROUTES_UPDATED, Endpoint
from support.engines import running_engine
from support.limits import PROGRESS
from support.pods import VISITOR_SECRET, running_pod
from support.published_site import published
from support.receiver import SECRET

FLAG, PAID = "/_functions/hingecraftRoutesUpdate", "/_functions/charter_page_middleware/afterPaymentWebhook"
ANNOUNCE = """
INSERT INTO outbox (endpoint, type, data) SELECT name, 'payment.completed', '{"paymentId": "p", "status": "completed"}'
FROM webhook_endpoints WHERE 'payment.completed' = ANY (events)
"""
KNOWN = "SELECT count(*) FROM webhook_endpoints"
TAKEN = "SELECT state FROM outbox WHERE type = 'payment.completed'"


async def flag_of(site):
    async with aiohttp.ClientSession() as client, client.get(site + FLAG) as response:
        return (await response.json())["data"]["version"]


async def test_a_change_of_the_database_reaches_the_site(dsn, conn):
    """Signed by Python and verified by the site's own JavaScript, routes and payments alike."""
    async with (
        running_pod(dsn) as pod,
        published(HC_WEBHOOK_SECRET=SECRET, HC_VISITOR_SECRET=VISITOR_SECRET, HC_BACKEND_URL=pod.public) as site,
    ):
        endpoints = [
            Endpoint(name="site", url=site + FLAG, events=(ROUTES_UPDATED,)),
            Endpoint(name="payments", url=site + PAID, events=PAYMENT_EVENTS),
        ]
        async with running_engine(dsn, [pod.internal], endpoints) as engine:
            before = await flag_of(site)
            await conn.execute("UPDATE currencies SET name = 'Euro of the test' WHERE code = 'EUR'")
            version = (await engine.until(before + 1)).version
            async with asyncio.timeout(PROGRESS):
                while await conn.fetchval(KNOWN) < len(endpoints):
                    await asyncio.sleep(0.05)
                await conn.execute(ANNOUNCE)
                while await flag_of(site) < version:
                    await asyncio.sleep(0.05)
                while await conn.fetchval(TAKEN) != "delivered":
                    await asyncio.sleep(0.05)
