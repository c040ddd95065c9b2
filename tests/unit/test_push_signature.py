from __future__ import annotations

import pytest

from hingecraft.sync.signature import sign, verifies

BODY, NOW = b'{"version": 1}', 1_800_000_000.0


def test_either_secret_of_a_rotation_verifies():
    header = sign("new-secret", BODY, NOW)
    assert verifies(("new-secret", "old-secret"), header, BODY, NOW + 299)
    assert verifies(("newest", "new-secret"), header, BODY, NOW - 299)


@pytest.mark.parametrize(
    "header",
    [
        "", "v1", "v1;;", "v1;1800000000;", "v2;1800000000;" + "0" * 64, "v1;abc;" + "0" * 64, "v1;-1;x",
        "v1;99999999999999999999;00", "v1;1800000000;é", "v1;١٨;00",
    ],
)  # fmt: skip
def test_forgeries_are_refused(header):
    assert not verifies(("secret-1",), header, BODY, NOW)


def test_another_body_another_secret_or_an_old_push_is_refused():
    header = sign("secret-1", BODY, NOW)
    assert not verifies(("secret-1",), header, BODY + b" ", NOW)
    assert not verifies(("secret-2",), header, BODY, NOW)
    assert not verifies((), header, BODY, NOW)
    assert not verifies(("secret-1",), header, BODY, NOW + 301)
    assert not verifies(("secret-1",), header, BODY, NOW - 301)
