"""Checks the addresses that a provider sends donors to: its own, over https."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from hingecraft.providers.port import ProviderRejectedError
from hingecraft.proxies import is_loopback

# Browsers read a backslash as a slash, so they would go to another host than the one that is checked here.
_READ_ALIKE = re.compile(r"[!-\[\]-~]{1,2048}")
# The pages where people pay, and their subdomains. The site's pages open these and Stripe's billing portal
# (hingecraft-addresses.js).
PAYMENT_PAGES = ("checkout.stripe.com", "buy.stripe.com", "donate.stripe.com", "nowpayments.io")


def checked(url: object, *, api_base: str, domain: str, provider_id: str | None = None) -> str:
    """The address, if it is the provider's; a stand-in (an API base elsewhere) may send to its own host as well."""
    if not isinstance(url, str) or not _READ_ALIKE.fullmatch(url):
        raise ProviderRejectedError("the provider returned no usable address", code="bad_url", provider_id=provider_id)
    try:
        parts, base = urlsplit(url), urlsplit(api_base)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ProviderRejectedError(
            "the provider's address is malformed", code="bad_url", provider_id=provider_id
        ) from None
    official = host == domain or host.endswith(f".{domain}")
    if parts.scheme == "https" and official and port in {None, 443} and not parts.username:
        return url
    stand_in = not _is_official(base.hostname or "", domain) and host == base.hostname
    if stand_in and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))):
        return url
    raise ProviderRejectedError(
        "the provider's address is not https on its own host", code="bad_url", provider_id=provider_id
    )


def _is_official(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")
