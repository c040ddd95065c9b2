"""HTTPS_PROXY, HTTP_PROXY and NO_PROXY, for calls that leave the cluster: to providers and to the site.

Nothing else goes through a proxy: pushes to pods, Postgres, Valkey and the API server of Kubernetes are always
connected to directly (docs/decisions/0031).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

import aiohttp
from pydantic import Field, field_validator
from yarl import URL

from hingecraft.settings import CommaList, OptionalSentSecret, SentSecret, Settings

_SCHEMES = ("http", "https")
_EVERYTHING = "*"


class Proxies:
    """The proxy that a call goes through, if one is set for its address."""

    def __init__(self, *, http: str = "", https: str = "", no_proxy: Iterable[str] = ()) -> None:
        self._of_scheme = {"http": URL(http) if http else None, "https": URL(https) if https else None}
        self._no_proxy = tuple(entry.lower() for entry in no_proxy)

    def of(self, address: str) -> URL | None:
        """The proxy of an address, credentials included; None for a direct connection, as always to this machine."""
        url = URL(address)
        proxy = self._of_scheme.get(url.scheme)
        if proxy is None or not url.host or self._is_direct(url.host.lower().rstrip("."), url.port):
            return None
        return proxy

    def session(self, address: str, connector: aiohttp.BaseConnector, **options: Any) -> aiohttp.ClientSession:
        """A session for calls to one address, through its proxy."""
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            proxy=self.of(address),
            **options,
        )

    def _is_direct(self, host: str, port: int | None) -> bool:
        if is_loopback(host):
            return True
        return any(_matches(entry, host, port) for entry in self._no_proxy)


class ProxySettings(Settings):
    """The proxy settings of processes that call a provider or the site."""

    https_proxy: OptionalSentSecret = Field(
        SentSecret(),
        description="proxy for https addresses, for example http://proxy.example.com:3128; only calls to "
        "providers and to the site use it",
    )
    http_proxy: OptionalSentSecret = Field(SentSecret(), description="proxy for http addresses")
    no_proxy: CommaList = Field(
        (),
        description="what is reached without a proxy, comma-separated: host names (and their subdomains), "
        ".domains, addresses, CIDRs, each with or without a port; *: everything",
    )

    @field_validator("https_proxy", "http_proxy")
    @classmethod
    def _address_of_a_proxy(cls, address: SentSecret) -> SentSecret:
        if address and not _is_address(address.newest):
            raise ValueError(
                "must be the address of an http or https proxy, such as http://proxy.example.com:3128 (SOCKS is not "
                "supported)"
            )
        return address

    @property
    def proxies(self) -> Proxies:
        """The current proxies."""
        return Proxies(http=self.http_proxy.newest, https=self.https_proxy.newest, no_proxy=self.no_proxy)


def _is_address(text: str) -> bool:
    try:
        url = URL(text)
        return url.scheme in _SCHEMES and bool(url.host) and url.path in {"", "/"} and not url.query_string
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    """Whether the host is this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _matches(entry: str, host: str, port: int | None) -> bool:
    """As Go and curl understand NO_PROXY."""
    if entry == _EVERYTHING:
        return True
    name, wanted_port = _split(entry)
    if wanted_port is not None and wanted_port != port:
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return _is_below(name, host)
    try:
        return address in ipaddress.ip_network(name, strict=False)
    except ValueError:
        return False


def _is_below(name: str, host: str) -> bool:
    """`.example.com` and `*.example.com` are what is below it, `example.com` is itself too."""
    domain = name.removeprefix("*")
    return host.endswith(domain) if domain.startswith(".") else host == domain or host.endswith(f".{domain}")


def _split(entry: str) -> tuple[str, int | None]:
    """A host, address or CIDR, and the port behind it; IPv6 addresses have one only in brackets."""
    if entry.startswith("["):
        host, _, rest = entry[1:].partition("]")
        return host, int(rest[1:]) if rest.startswith(":") and rest[1:].isdecimal() else None
    host, colon, port = entry.rpartition(":")
    return (host, int(port)) if colon and ":" not in host and port.isdecimal() else (entry, None)
