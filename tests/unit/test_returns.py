"""Where a checkout may return to."""

from __future__ import annotations

import pytest

from hingecraft.errors import InvalidError
from hingecraft.members.returning import check_return, origin_of

ALLOWED = frozenset({"https://www.example.com", "https://app.example.com:8443", "http://127.0.0.1:4000"})


@pytest.mark.parametrize(
    "address",
    [
        "https://www.example.com", "https://www.example.com/", "https://www.example.com:443/thanks",
        "https://WWW.EXAMPLE.COM/thanks?session_id={CHECKOUT_SESSION_ID}#top", "https://app.example.com:8443/a",
        "http://127.0.0.1:4000/account",
    ],
)  # fmt: skip
def test_addresses_of_the_allowed_origins_are_taken_as_they_are(address):
    assert check_return("successUrl", address, ALLOWED) == address


@pytest.mark.parametrize(
    "address",
    [
        "", "/thanks", "//www.example.com/", "www.example.com", "javascript:alert(1)", "data:text/html,x",
        "http://www.example.com/", "ftp://www.example.com/", "HTTPS:www.example.com",
        "https://user@www.example.com/", "https://user:password@www.example.com/", "https://@www.example.com/",
        "https://www.example.com@evil.example/", "https://www.example.com:443@evil.example/",
        "https://www.example.com.evil.example/", "https://evilwww.example.com/", "https://example.com/",
        "https://www.example.com:444/", "https://www.example.com:/", "https://www.example.com:port/",
        "https://www.example.com:99999/", "https://www.example.com./",
        "https://www.example.com\\@evil.example/", "https:\\\\www.example.com/", "https://www.example.com\n.evil.example/",
        "https://www.example.com\t/", " https://www.example.com/", "https://www.exam\u0440le.com/",
        "https://www.example.com\u3002evil.example/", "https://[::1/", "https://[www.example.com]/",
        "https://www.example.com/" + "a" * 2000,
    ],
)  # fmt: skip
def test_everything_else_is_rejected(address):
    with pytest.raises(InvalidError) as rejected:
        check_return("successUrl", address, ALLOWED)
    assert rejected.value.code == "return_not_allowed"
    assert list(rejected.value.fields or {}) == ["successUrl"]


def test_nothing_is_allowed_where_nothing_is_named():
    with pytest.raises(InvalidError):
        check_return("cancelUrl", "not an address", frozenset({None}))


@pytest.mark.parametrize(
    ("address", "origin"),
    [("https://a.example:443", "https://a.example"), ("http://[::1]:80/", "http://[::1]"), ("https://A.example", "https://a.example")],
)  # fmt: skip
def test_an_origin_is_written_as_browsers_compare_it(address, origin):
    assert origin_of(address) == origin
