"""Content negotiation: encodings and entity tags."""

from __future__ import annotations

from collections.abc import Container

IDENTITY = "identity"
# The preference among equally accepted encodings: br is the smallest here, zstd the fastest to decode.
ENCODINGS = ("br", "zstd", "gzip")
_REMEMBERED = 1000


class Negotiation:
    """Chooses encodings; caches the few spellings of Accept-Encoding that occur."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, ...]] = {}

    def choose(self, accept: str, available: Container[str]) -> str:
        """The best encoding that the client accepts and that is available."""
        wanted = self._known.get(accept)
        if wanted is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            wanted = self._known[accept] = _in_order(accept)
        for encoding in wanted:
            if encoding in available:
                return encoding
        return IDENTITY


def _in_order(accept: str) -> tuple[str, ...]:
    weights = dict(_weight(part) for part in accept.split(",") if part.strip())
    anything = weights.get("*", 0.0)
    chosen = [(weights.get(name, anything), name) for name in ENCODINGS]
    identity = weights.get(IDENTITY, 0.0)
    return tuple(
        name for weight, name in sorted(chosen, key=lambda pair: -pair[0]) if weight > 0 and weight >= identity
    )


def _weight(part: str) -> tuple[str, float]:
    name, _, parameter = part.partition(";")
    quality = parameter.strip().lower()
    try:
        weight = float(quality.removeprefix("q=")) if quality.startswith("q=") else 1.0
    except ValueError:
        weight = 0.0
    return name.strip().lower(), weight


def matches(if_none_match: str, etag: str) -> bool:
    """Whether the client already has this: weak comparison, as RFC 9110 asks for If-None-Match."""
    if if_none_match == etag:
        return True
    return any(tag.strip().removeprefix("W/") in {etag, "*"} for tag in if_none_match.split(","))
