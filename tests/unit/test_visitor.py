from __future__ import annotations

import hashlib
import hmac
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hingecraft.settings import Secret
from hingecraft_api.access.rate_limit import RateLimit
from hingecraft_api.access.visitor import Visitor, Visitors, _signed

NOW = 1_800_000_000.0
VID = "vid:" + "a" * 22


def header(identity: str = VID, secret: str = "visitor-secret", at: float = NOW) -> str:
    signed = f"v1;{identity};{int(at)}"
    return f"{signed};{hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest()}"


@pytest.fixture
def refused():
    return []


@pytest.fixture
def visitors(refused):
    return Visitors(Secret("visitor-secret,older-secret"), [ip_network("10.0.0.0/8")], lambda: refused.append(1))


def test_a_signed_header_names_the_visitor(visitors, refused):
    for _ in range(2):
        assert visitors.named(header(), "203.0.113.9", "", NOW) == Visitor(key=VID, signed=True)
    by_address = visitors.named(header("ip:198.51.100.7"), "203.0.113.9", "", NOW)
    assert by_address == Visitor(key="ip:198.51.100.7", signed=True)
    assert visitors.named(header(secret="older-secret"), "203.0.113.9", "", NOW).key == VID
    assert not refused


@pytest.mark.parametrize(
    "forged",
    [
        header(secret="guessed-secret"), header(at=NOW - 301), header(at=NOW + 301), header("vid:short"),
        header("user:1"), header()[:-1], header().upper(), "", "v1;;;", "v1;" + ";" * 5000, header() + " ",
    ],
)  # fmt: skip
def test_a_header_that_does_not_verify_is_as_none(visitors, refused, forged):
    assert visitors.named(forged, "203.0.113.9", "", NOW) == Visitor(key="ip:203.0.113.9")
    assert refused


def test_a_remembered_header_grows_stale(visitors):
    given = header()
    assert visitors.named(given, "203.0.113.9", "", NOW).key == VID
    assert visitors.named(given, "203.0.113.9", "", NOW + 301).key == "ip:203.0.113.9"


@pytest.mark.parametrize(
    ("peer", "forwarded", "visitor"),
    [
        ("10.0.0.1", "198.51.100.7", "ip:198.51.100.7"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.7, 10.9.9.9", "ip:198.51.100.7"),
        ("203.0.113.9", "198.51.100.7", "ip:203.0.113.9"),
        ("10.0.0.1", "nonsense", "ip:10.0.0.1"),
        ("10.0.0.1", "", "ip:10.0.0.1"),
        ("", "", "ip:"),
        ("::ffff:10.0.0.1", "198.51.100.7", "ip:198.51.100.7"),
        ("10.0.0.1", "x" * 5000 + ", 198.51.100.7", "ip:198.51.100.7"),
        ("10.0.0.1", "198.51.100.7," + ",".join(["10.9.9.9"] * 200), "ip:10.9.9.9"),
    ],
)
def test_the_last_untrusted_address_counts(visitors, peer, forwarded, visitor):
    assert visitors.named(None, peer, forwarded, NOW).key == visitor


def test_ipv6_counts_by_the_network_that_one_visitor_has(visitors):
    own = Visitor(key="ip:2001:db8:1:1::/64", network="ip:2001:db8:1::/48")
    for text in ("2001:db8:1:1::", "2001:db8:1:1:ffff::1", "2001:DB8:1:1::2"):
        assert visitors.at(text, "") == own
        assert visitors.named(header(f"ip:{text}"), "203.0.113.9", "", NOW) == own._replace(signed=True)
    neighbour = visitors.at("2001:db8:1:2::1", "")
    assert (neighbour.key, neighbour.network) == ("ip:2001:db8:1:2::/64", own.network)
    assert visitors.at("::ffff:198.51.100.7", "") == visitors.at("198.51.100.7", "")


@given(address=st.ip_addresses(v=6))
def test_networks_are_written_as_ipaddress_writes_them(address):
    visitors = Visitors(Secret("visitor-secret"), [], lambda: None)
    own, network = (f"ip:{ip_network((int(address), bits), strict=False)}" for bits in (64, 48))
    expected = Visitor(f"ip:{address.ipv4_mapped}") if address.ipv4_mapped is not None else Visitor(own, network)
    assert visitors.at(str(address), "") == expected
    assert visitors.named(header(f"ip:{address}"), "203.0.113.9", "", NOW) == expected._replace(signed=True)


def test_whole_headers_are_never_remembered(visitors):
    for number in range(1000):
        visitors.at("10.0.0.1", f"{number}" + "x" * 8000 + ", 198.51.100.7")
    assert len(visitors._hops) == 2
    assert max(map(len, visitors._hops)) <= 45


def test_a_limit_lets_its_number_pass_in_a_minute():
    limit = RateLimit(100)
    passed = [limit.retry_after("a", NOW) for _ in range(150)]
    assert passed.count(0) == 100
    assert all(0 < wait <= 60 for wait in passed[100:])
    assert limit.retry_after("b", NOW) == 0
    assert limit.retry_after("a", NOW + 0.61) == 0
    assert [limit.retry_after("a", NOW + 120) for _ in range(150)].count(0) == 100


def test_a_flood_of_visitors_does_not_fill_the_memory():
    limit = RateLimit(1)
    for number in range(250_000):
        limit.retry_after(str(number), NOW)
    assert len(limit._due) <= 100_001


@given(st.lists(st.integers(0, 300).map(str) | st.sampled_from(["00", "01", "1 ", "", "1e1", "0x1"]), max_size=5))
def test_a_signed_ipv4_address_counts_as_if_it_were_parsed(parts):
    """The short way is taken only where it gives what `ip_address` would."""
    text = ".".join(parts)
    try:
        parsed = f"ip:{ip_address(text)}"
    except ValueError:
        parsed = f"ip:{text}"
    assert _signed(f"ip:{text}") == Visitor(key=parsed, signed=True)
