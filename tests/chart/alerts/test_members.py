"""Alerts about what members wait for: credits, subscriptions, downloads, and the keys that verify their tokens."""

from __future__ import annotations

from uuid import uuid4

import pytest

from hingecraft.identity import key_set
from hingecraft.inbox import watch
from hingecraft.reconcile import watch as reconciliations
from support import issuer as issuers
from support.alerts import SERVICE, proven
from support.buying import PURCHASES
from support.downloads import SECRET, Shop, ask
from support.issuer import running_issuer
from support.members import PACK, PLAN, Member, make_price, sell, show_statistics
from support.money import all_processed
from support.plans import pod_for_plans
from support.pods import running_pod
from support.purchases import customer_of, session_for
from support.subscribing import copied, reconcile, subscribe
from support.tokens import SETTINGS, bearer, ec_signer

UNKNOWN_PRICES = "hingecraft_unknown_prices"
WITHOUT_INVOICE, DOUBLED = (
    f'hingecraft_reconcile_checkouts{{what="subscriptions_{what}"}}' for what in ("without_invoice", "doubled")
)
# Figures of events leave their first minute out.
MINUTES_AGO = (
    "UPDATE provider_event_ids SET received_at = received_at - interval '2 minutes'",
    "UPDATE provider_events SET received_at = received_at - interval '2 minutes'",
)
ADD_PRICE = """
INSERT INTO credit_prices (price_id, code, kind, credits, plan_type, reason, active)
VALUES ($1, 'NEW', 'pack', 70, 'credits', 'new_purchase', false)
"""
SECOND = """
INSERT INTO subscriptions SELECT (jsonb_populate_record(s, '{"id": "sub_second"}')).* FROM subscriptions s
"""
FORGET_SECOND = "DELETE FROM subscriptions WHERE id = 'sub_second'"
NAME_INVOICE = "UPDATE subscriptions SET paid_invoice = $2, paid_invoice_at = now() - interval '3 hours' WHERE id = $1"


@pytest.fixture
def watching(monkeypatch):
    """Pods look at the database often."""
    monkeypatch.setattr(watch, "_EVERY", 0.05)
    monkeypatch.setattr(reconciliations, "_EVERY", 0.05)


@pytest.fixture
async def plans(dsn, sandbox, watching):
    async with pod_for_plans(dsn, sandbox) as pod:
        yield pod


async def test_a_price_is_unknown_and_the_event_that_names_it_waits(plans, sandbox, conn):
    price = (await sell(conn, sandbox, PACK))[PACK]
    ada = Member(plans)
    await ada.buy(price)
    async with (
        proven("HingecraftUnknownPrices", plans) as unknown,
        proven("HingecraftStripeWebhooksFail", plans) as unprocessed,
    ):
        new = await make_price(sandbox, 700)
        await sandbox.act(await session_for(sandbox, await customer_of(conn, ada), (new, 1)), "pay")
        await plans.shows(UNKNOWN_PRICES, 1)
        for sql in MINUTES_AGO:
            await conn.execute(sql)
        await show_statistics(plans)
        await unknown.fires(
            "Members wait for their credits: credit_prices lacks 1 prices or amounts that they have paid.",
            service=SERVICE,
        )
        share = f"{100 * await plans.metric('hingecraft_stripe_webhook_success_rate'):.4g}%"
        await unprocessed.fires(
            "Events of Stripe have been unprocessed for a quarter of an hour; "
            f"{share} of the last day's are processed.",
            service=SERVICE,
        )
        await conn.execute(ADD_PRICE, new)
        await all_processed(conn)
        await plans.shows(UNKNOWN_PRICES, 0)
        await show_statistics(plans)


async def test_a_subscription_lacks_its_invoice_and_another_is_paid_twice(plans, sandbox, conn, dsn):
    ada = Member(plans)
    await subscribe(ada, sandbox, (await sell(conn, sandbox, PLAN))[PLAN])
    copy = await copied(conn, ada, status="active")
    async with (
        proven("HingecraftSubscriptionWithoutInvoice", plans) as lacking,
        proven("HingecraftSubscriptionDoubled", plans) as doubled,
    ):
        await conn.execute(SECOND)
        await conn.execute(NAME_INVOICE, copy["id"], "in_lost")
        await reconcile(dsn, sandbox)
        await plans.shows(DOUBLED, 1)
        await lacking.fires(
            "Subscriptions whose paid invoice has no payment here, or that were not renewed: 1.", service=SERVICE
        )
        await doubled.fires("Users who pay for two subscriptions of one kind: 1.", service=SERVICE)
        await conn.execute(FORGET_SECOND)
        await conn.execute(NAME_INVOICE, copy["id"], copy["paid_invoice"])
        await reconcile(dsn, sandbox)
        await plans.shows(DOUBLED, 0)
        await plans.shows(WITHOUT_INVOICE, 0)


@pytest.fixture
async def downloads(dsn, tmp_path):
    """A pod that serves the files of the folder `designs`."""
    settings = {**SETTINGS, "download_secret": SECRET, "downloads": f"file://{tmp_path / 'designs'}"}
    (tmp_path / "designs").mkdir()
    async with running_pod(dsn, background=False, **settings) as pod:
        yield pod


async def test_a_file_is_missing_and_then_the_storage_of_all(downloads, conn, tmp_path):
    shop, ada, folder = Shop(conn), uuid4(), tmp_path / "designs"
    design = await shop.design("hinge.pdf")
    await shop.buys(ada, design)
    async with (
        proven("HingecraftDownloadFileMissing", downloads) as missing,
        proven("HingecraftDownloadStorageUnavailable", downloads) as unavailable,
        proven("HingecraftErrors", downloads) as errors,
    ):
        # One in each minute. The other request of a minute is that of Prometheus.
        for _ in range(7):
            assert (await ask(downloads, ada, design))[0] == 503
            await errors.scrape()
        assert (await ask(downloads, ada, design))[0] == 503
        await errors.fires("50% of requests fail with a server error.")
        folder.rmdir()
        assert (await ask(downloads, ada, design))[0] == 503
        await missing.fires("A member cannot download a design, because its file is missing.")
        await unavailable.fires(
            "Members cannot download designs, because S3 or the folder of the files is unavailable."
        )


async def test_the_keys_of_members_tokens_cannot_be_fetched(dsn, monkeypatch):
    monkeypatch.setattr(key_set, "_PAUSE_AFTER_FAILURE", 0.0)
    signer = ec_signer("first")
    async with (
        running_issuer(signer) as issuer,
        running_pod(dsn, auth_jwks_url=issuer.address, **SETTINGS) as pod,
        proven("HingecraftKeySetUnreachable", pod) as unreachable,
    ):
        issuer.misbehave = issuers.fails
        for _ in range(3):
            status, _ = await pod.call("GET", PURCHASES, headers=bearer(signer.token_for(str(uuid4()))))
            assert status == 503
        await unreachable.fires("The keys that verify members' tokens have not been fetched for half an hour.")
        issuer.misbehave = None
