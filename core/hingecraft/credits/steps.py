"""The steps of credits in a reconciliation: retry what waited for a price, compare accounts, refresh the view."""

from __future__ import annotations

import logging
from uuid import UUID

from hingecraft.credits import store, unknown_prices
from hingecraft.db.connection import Database
from hingecraft.steps import Run, Steps

log = logging.getLogger(__name__)


def credits_steps(database: Database) -> Steps:
    """Accounts are compared after the events, so that what those have granted is compared too."""

    async def retry(run: Run) -> None:
        if not run.dry:
            async with database.connection() as conn:
                await unknown_prices.retry_known(conn)

    async def compare(run: Run) -> None:
        first = UUID(int=0)
        while True:
            async with database.connection() as conn:
                page = await store.compare(conn, first)
            if not page:
                return
            first = UUID(int=page[-1]["user_id"].int + 1)
            for account in page:
                if account["differs"]:
                    run.summary.credit_differences += 1
                    log.error(
                        "the credit account of %s has %d, and its rows sum up to %d",
                        account["user_id"], account["balance"], account["sum"],
                    )  # fmt: skip
                    run.summary.explain(f"the credit account of {account['user_id']} is not the sum of its rows")

    async def refresh(run: Run) -> None:
        if not run.dry:
            async with database.connection() as conn:
                await store.refresh(conn)

    return Steps(before_events=(retry,), after_checks=(compare, refresh))
