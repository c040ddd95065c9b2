"""Where a member may return to after paying: addresses of the site and of `RETURN_ORIGINS`. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import urlsplit

from hingecraft.errors import InvalidError

_LONGEST = 2000
# What browsers read in another way than we do, or what cannot be part of an address.
_PLAIN = re.compile(r"[!-\[\]-~]+")
_PORTS = {"https": 443, "http": 80}


def origin_of(address: str) -> str | None:
    """The scheme, host and port of an address, as browsers compare them; None if it is not a plain web address."""
    if not _PLAIN.fullmatch(address):
        return None
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc or parts.netloc.endswith(":"):
        return None
    shown = "" if port in {None, _PORTS[parts.scheme]} else f":{port}"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{shown}"


def check_return(field: str, address: str, allowed: Collection[str | None]) -> str:
    """The address, if its origin is one of those; raises `return_not_allowed`."""
    origin = origin_of(address)
    if len(address) > _LONGEST or origin is None or origin not in allowed:
        raise InvalidError(
            "return_not_allowed",
            f"{field} must be an https address of the site or of RETURN_ORIGINS, without user or password.",
            fields={field: "must be an address of the site or of an origin in RETURN_ORIGINS"},
        )
    return address
