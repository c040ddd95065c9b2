"""Every metric is driven by a test: one that makes it change and reads it as Prometheus does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from generators.metrics import document, metric_names

TESTS = Path(__file__).parents[1]
# This file, and what only says which metrics there are.
NO_PROOF = {Path(__file__), TESTS / "support" / "reference" / "metrics.py"}
# Names and labels that dashboards and alerts of others may be built on.
PUBLIC = {
    "http_request_seconds": "", "payments_total": "provider currency status", "payment_amount_total": "",
    "route_rebuilds_total": "result", "routes_version": "", "routes_age_seconds": "", "sync_seconds": "",
    "webhook_deliveries_total": "endpoint result", "provider_events_total": "source type result",
    "reconcile_runs_total": "result", "purchase_seconds": "",
}  # fmt: skip
READ = "\n".join(file.read_text(encoding="utf-8") for file in TESTS.rglob("*.py") if file not in NO_PROOF)


@pytest.mark.parametrize("name", metric_names())
def test_each_metric_is_read_by_a_test(name):
    assert re.search(rf"\b{name}(?:_count|_sum|_bucket)?\b", READ), f"no test reads {name} after making it change"


@pytest.mark.parametrize(("name", "labels"), PUBLIC.items())
def test_public_metrics_keep_their_names_and_labels(name, labels):
    (shown, *_) = re.findall(rf"^\| `hingecraft_{name}` \| \w+ \| ([^|]*) \|", document(), re.MULTILINE)
    assert set(labels.split()) <= set(re.findall(r"`(\w+)`", shown))
