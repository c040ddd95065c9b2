"""Periods of the calendar in UTC, and which entitlement decides about access."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hingecraft.periods import Period

DESIGN, SUBSCRIPTION = uuid4(), uuid4()
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("start", "unit", "count", "end"),
    [
        ("2026-01-31", "month", 1, "2026-02-28"), ("2026-01-31", "month", 2, "2026-03-31"),
        ("2028-01-31", "month", 1, "2028-02-29"), ("2026-01-30", "month", 1, "2026-02-28"),
        ("2028-02-29", "year", 1, "2029-02-28"), ("2028-02-29", "month", 12, "2029-02-28"),
        ("2028-02-29", "year", 4, "2032-02-29"), ("2096-02-29", "year", 4, "2100-02-28"),
        ("2026-12-31", "month", 1, "2027-01-31"), ("2026-10-31", "month", 4, "2027-02-28"),
        ("2026-02-28", "day", 1, "2026-03-01"), ("2026-12-28", "week", 1, "2027-01-04"),
        ("2026-03-29", "month", 1, "2026-04-29"), ("2026-05-31", "month", 36, "2029-05-31"),
    ],
)  # fmt: skip
def test_a_period_ends_on_the_same_day_or_the_last_of_the_month(start, unit, count, end):
    moment = timedelta(hours=23, minutes=59, seconds=59)
    begins, ends = (datetime.fromisoformat(day).replace(tzinfo=UTC) + moment for day in (start, end))
    assert Period(unit=unit, count=count).after(begins) == ends


def test_the_zone_of_the_start_does_not_matter():
    """It is still January there, and February in UTC."""
    there = datetime(2026, 1, 31, 20, tzinfo=timezone(timedelta(hours=-8)))
    assert Period(unit="month", count=1).after(there) == datetime(2026, 3, 1, 4, tzinfo=UTC)


@given(st.integers(0, 40_000), st.integers(1, 36))
def test_a_longer_period_never_ends_earlier(days, count):
    begins = NOW + timedelta(days=days)
    ends = [Period(unit="month", count=each).after(begins) for each in (count, count + 1)]
    assert begins < ends[0] < ends[1]
    assert timedelta(days=28) <= ends[1] - ends[0] <= timedelta(days=31)
