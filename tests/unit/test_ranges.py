from __future__ import annotations

import pytest

from hingecraft_api.messages.ranges import Part, UnsatisfiableRangeError, part_of

ETAG = '"1a-64"'


@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        ("bytes=0-0", Part(0, 1)), ("bytes=0-", Part(0, 100)), ("bytes=10-19", Part(10, 20)),
        ("Bytes=99-", Part(99, 100)),
        ("bytes=90-1000", Part(90, 100)), ("bytes=-1", Part(99, 100)), ("bytes=-1000", Part(0, 100)),
        ("bytes = 5-6 ", Part(5, 7)),
    ],
)  # fmt: skip
def test_one_range_is_a_part(wanted, part):
    assert part_of(wanted, None, ETAG, 100) == part
    assert part_of(wanted, ETAG, ETAG, 100) == part


@pytest.mark.parametrize(
    "wanted",
    [
        None, "", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=0-1,5-6", "items=0-1", "bytes=5-4", "bytes=1--2",
        "bytes=٣-٤", "bytes=0-9999999999999999999",
    ],
)  # fmt: skip
def test_anything_else_is_all_of_the_file(wanted):
    assert part_of(wanted, None, ETAG, 100) is None


@pytest.mark.parametrize("if_range", ['"another"', f"W/{ETAG}", "Thu, 26 Nov 2026 06:00:00 GMT", "*", ""])
def test_a_part_of_another_version_is_all_of_this_one(if_range):
    assert part_of("bytes=10-19", if_range, ETAG, 100) is None


@pytest.mark.parametrize(
    ("wanted", "size"), [("bytes=100-", 100), ("bytes=-0", 100), ("bytes=0-0", 0), ("bytes=-1", 0)]
)
def test_a_range_behind_the_end_cannot_be_answered(wanted, size):
    with pytest.raises(UnsatisfiableRangeError):
        part_of(wanted, None, ETAG, size)
