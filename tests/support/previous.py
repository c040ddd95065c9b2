"""The release that this one upgrades; docs/release.md says how it is chosen."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parents[1] / "previous"
CHART = _FOLDER / "hingecraft-0.1.0.tgz"
NEWEST_MIGRATION = 24
# What its pods have written: a completed, a refunded and a pending card payment, and one in coins; by tables.
ROWS = _FOLDER / "rows.json"
