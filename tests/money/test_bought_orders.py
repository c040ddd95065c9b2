"""Purchases when events come in any order, doubled, dropped and late: in the end our rows are what Stripe has."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from support.purchase_orders import PurchaseWorld, machine_of

# `make nightly` asks for many more.
CASES = min(int(os.environ.get("HC_ORDERS", "300")) // 15, 600)


@pytest.mark.timeout(300 + CASES * 30)
def test_whatever_the_order_purchases_are_what_stripe_has(dsn, sandbox_process):
    world = PurchaseWorld(dsn, sandbox_process)
    world.run(world.open())
    world.run(world.sandbox.tells("http://127.0.0.1:9", enabled=False))
    try:
        run_state_machine_as_test(
            machine_of(world),
            settings=settings(
                max_examples=CASES, stateful_step_count=12, suppress_health_check=list(HealthCheck),
                phases=[Phase.explicit, Phase.generate],
            ),
        )  # fmt: skip
    finally:
        world.run(world.sandbox.ask("DELETE", "/_sandbox/book"))
        world.close()
