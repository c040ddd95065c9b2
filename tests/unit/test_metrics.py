"""Every metric is driven by a test: one that makes it change and reads it as Prometheus does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from generators.metrics import metric_names

TESTS = Path(__file__).parents[1]
# This file, and what only says which metrics there are.
NO_PROOF = {Path(__file__), TESTS / "support" / "reference" / "metrics.py"}
READ = "\n".join(file.read_text(encoding="utf-8") for file in TESTS.rglob("*.py") if file not in NO_PROOF)


@pytest.mark.parametrize("name", metric_names())
def test_each_metric_is_read_by_a_test(name):
    assert re.search(rf"\b{name}(?:_count|_sum|_bucket)?\b", READ), f"no test reads {name} after making it change"
