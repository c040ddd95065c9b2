"""Events in any order, doubled, dropped and late, with refunds and reconciliations in between."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from support.orders import World, machine_of

# `make nightly` asks for ten thousand.
CASES = int(os.environ.get("HC_ORDERS", "200"))


@pytest.mark.timeout(300 + CASES * 30)
def test_whatever_the_order_our_books_are_the_providers(dsn, sandbox_process):
    world = World(dsn, sandbox_process)
    world.run(world.open())
    try:
        run_state_machine_as_test(
            machine_of(world),
            settings=settings(max_examples=CASES, stateful_step_count=12, suppress_health_check=list(HealthCheck)),
        )
    finally:
        world.close()
