"""The leases and pauses that inbox, outbox, reconciliation and idempotency keys share."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

from hingecraft.leases.backoff import Backoff
from hingecraft.leases.statements import claim, held

CORE = Path(__file__).parents[2] / "core" / "hingecraft"


def test_pauses_follow_the_attempts_and_the_last_one_stays():
    backoff = Backoff((10, 100))
    for attempts, seconds in ((0, 10), (1, 10), (2, 100), (3, 100), (1000, 100)):
        assert timedelta(seconds=seconds * 0.8) <= backoff.after(attempts) <= timedelta(seconds=seconds * 1.2)


def test_pauses_of_what_failed_together_differ():
    assert len({Backoff((10,)).after(1) for _ in range(20)}) > 1


def test_a_statement_names_the_key_and_the_time_of_the_lease():
    assert held("id") == "id = $1 AND claimed_until = $2"
    assert held("scope", "key", first=2) == "scope = $2 AND key = $3 AND claimed_until = $4"


def test_a_claim_sets_nothing_but_the_lease_where_nothing_else_is_asked_for():
    words = " ".join(claim("jobs j", key=("id",), due="SELECT 1 AS id", lease="$1", returning="j.id").split())
    assert words == (
        "WITH due AS (SELECT 1 AS id) UPDATE jobs j SET claimed_until = clock_timestamp() + $1 FROM due "
        "WHERE j.id = due.id RETURNING j.id"
    )


def test_leases_are_made_and_checked_in_one_place():
    """Keys of callers are the one exception: a key is made by the statement that claims it."""
    for file in CORE.rglob("*.py"):
        text = file.read_text()
        if file.parent.name != "leases":
            assert not re.search(r"claimed_until (IS NULL OR|= \$)", text), file
            assert "random" not in re.findall(r"^import (\w+)", text, re.MULTILINE), file
        if file.parent.name not in {"leases", "idempotency"}:
            assert not re.search(r"claimed_until = clock_timestamp\(\) \+", text), file
