"""Calls go through a proxy or not, with NO_PROXY as curl and Go understand it."""

from __future__ import annotations

import pytest

from hingecraft.errors import UsageError
from hingecraft.proxies import Proxies, ProxySettings
from hingecraft.settings import load

PROXY = "http://proxy.example.com:3128"


def through(address, *no_proxy, **proxies):
    found = Proxies(**(proxies or {"http": PROXY, "https": PROXY}), no_proxy=no_proxy).of(address)
    return str(found).rstrip("/") if found else None


@pytest.mark.parametrize(
    "address",
    ["https://api.stripe.com/v1", "http://www.example.com", "https://10.96.0.1:443", "https://[2001:db8::1]/x"],
)
def test_what_is_outside_goes_through_it(address):
    assert through(address) == PROXY


@pytest.mark.parametrize(
    "address", ["http://localhost:8092", "https://127.0.0.1", "http://127.8.9.1/x", "http://[::1]:80"]
)
def test_this_machine_is_never_behind_a_proxy(address):
    assert through(address) is None


@pytest.mark.parametrize(
    ("entry", "address", "direct"),
    [
        ("example.com", "https://example.com", True),
        ("example.com", "https://WWW.Example.com.", True),
        ("example.com", "https://notexample.com", False),
        (".example.com", "https://www.example.com", True),
        (".example.com", "https://example.com", False),
        ("*.example.com", "https://a.b.example.com", True),
        ("*.example.com", "https://example.com", False),
        (".svc", "https://kubernetes.default.svc", True),
        (".cluster.local", "http://hingecraft-api.pay.svc.cluster.local", True),
        ("example.com:8443", "https://example.com:8443", True),
        ("example.com:8443", "https://example.com", False),
        ("10.0.0.0/8", "https://10.96.0.1", True),
        ("10.0.0.0/8", "https://11.0.0.1", False),
        ("10.0.0.0/8", "https://ten.example.com", False),
        ("192.0.2.7", "https://192.0.2.7:6443", True),
        ("2001:db8::/32", "https://[2001:db8::1]/x", True),
        ("[2001:db8::1]:443", "https://[2001:db8::1]/x", True),
        ("[2001:db8::1]:444", "https://[2001:db8::1]/x", False),
        ("*", "https://api.stripe.com", True),
        ("not/a/network", "https://192.0.2.7", False),
    ],
)
def test_no_proxy(entry, address, direct):
    assert (through(address, "unrelated.example", entry) is None) is direct


def test_each_scheme_has_its_own():
    assert through("http://www.example.com", https=PROXY) is None
    assert through("https://www.example.com", https=PROXY) == PROXY
    assert through("https://www.example.com", http=PROXY) is None


def test_it_may_want_a_login():
    proxy = Proxies(https="http://user:p%40ss@proxy.example.com:3128").of("https://api.stripe.com")
    assert (proxy.user, proxy.password, proxy.host, proxy.port) == ("user", "p@ss", "proxy.example.com", 3128)


@pytest.mark.parametrize(
    "address",
    ["proxy.example.com:3128", "socks5://proxy.example.com:1080", "http://proxy.example.com/pac", "http:///x"],
)
def test_an_invalid_proxy_is_rejected_with_a_sentence(monkeypatch, address):
    monkeypatch.setenv("HTTPS_PROXY", address)
    with pytest.raises(UsageError, match="HTTPS_PROXY must be the address of an http or https proxy, such as http://"):
        load(ProxySettings)


def test_they_are_read_from_the_environment_in_either_case(monkeypatch):
    monkeypatch.setenv("https_proxy", PROXY)
    monkeypatch.setenv("NO_PROXY", "localhost, .svc,,10.0.0.0/8")
    settings = load(ProxySettings)
    assert settings.no_proxy == ("localhost", ".svc", "10.0.0.0/8")
    assert settings.proxies.of("https://api.stripe.com") is not None
    assert "3128" not in repr(settings)
