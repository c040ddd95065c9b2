from __future__ import annotations

import re
from pathlib import Path

import pytest

from hingecraft.providers.addresses import PAYMENT_PAGES, checked
from hingecraft.providers.port import ProviderRejectedError

REAL, STAND_IN = "https://api.stripe.com", "http://127.0.0.1:8092"


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://checkout.stripe.com/c/pay/cs_1#x", REAL), ("https://buy.stripe.com/x", REAL),
        ("https://stripe.com/x", REAL), ("http://127.0.0.1:8092/pay/1", STAND_IN),
        ("https://buy.stripe.com/x", STAND_IN),
        ("https://stripe.internal.example/pay", "https://stripe.internal.example/api"),
    ],
)  # fmt: skip
def test_a_providers_own_addresses_are_handed_on(url, base):
    assert checked(url, api_base=base, domain="stripe.com") == url


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://checkout.stripe.com/x", REAL), ("https://checkout.stripe.com.evil.example/x", REAL),
        ("https://evilstripe.com/x", REAL), ("http://127.0.0.1:8092/pay/1", REAL), ("javascript:alert(1)", REAL),
        ("https://a@checkout.stripe.com/x", REAL), ("https://checkout.stripe.com:8443/x", REAL), ("", REAL),
        (None, REAL),
        ("https://[::1", REAL), ("https://checkout.stripe.com/\nx", REAL), ("https://чекаут.stripe.com/", REAL),
        ("http://stripe.internal.example/pay", "https://stripe.internal.example"), (7, REAL), ("x" * 3000, REAL),
        ("http://127.0.0.2:8092/pay", STAND_IN), ("https://evil.example\\.stripe.com/pay", REAL),
        ("https://evil.example .stripe.com/pay", REAL), ("https:\\\\checkout.stripe.com", REAL),
    ],
)  # fmt: skip
def test_any_other_is_refused(url, base):
    with pytest.raises(ProviderRejectedError) as refused:
        checked(url, api_base=base, domain="stripe.com")
    assert refused.value.code == "bad_url"


def test_exactly_the_links_that_the_sites_pages_do_not_open_are_reported():
    source = Path(__file__).parents[2] / "wix/site/src/public/hingecraft-addresses.js"
    listed = re.search(r"PAY_HOSTS = \[([^\]]*)\]", source.read_text(encoding="utf-8"))
    assert listed is not None
    portal = "billing.stripe.com"
    assert set(re.findall(r"'([^']+)'", listed[1])) == {*PAYMENT_PAGES, portal}
