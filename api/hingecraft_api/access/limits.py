"""Limits calls, and wrong signatures and tokens: by caller, and by network for IPv6."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from hingecraft.identity.principal import Kind, Principal
from hingecraft_api.access.rate_limit import RateLimit
from hingecraft_api.access.visitor import Visitor
from hingecraft_api.settings import ApiSettings

if TYPE_CHECKING:
    from hingecraft_api.access.shared_limit import SharedLimit

# Many people may share a /48, and a single one may have all of it.
IN_A_NETWORK = 10
MISTAKES = 30
# Our own components, which have no rate limit.
_EXEMPT = frozenset({Kind.SERVICE, Kind.ADMIN, Kind.ENGINE})


class Limit(StrEnum):
    """The rate limit that applies to a call. As text it is looked up faster than another enumeration."""

    VISITOR = "visitor"
    ROUTES = "routes"
    # Only messages whose signature is wrong count.
    FORGERIES = "forgeries"
    NONE = "none"


class _Rate:
    """One limit: its name in the metrics and in the shared store, and this pod's own count."""

    def __init__(self, name: str, per_minute: int) -> None:
        self.name = name
        self.per_minute = per_minute
        self.counter = RateLimit(per_minute)


Counted = tuple[tuple[_Rate, str], ...]


@dataclass(frozen=True, slots=True)
class Reached:
    """The limit that rejects a request, and the whole seconds to wait."""

    limit: str
    wait: int


class Limits:
    """Limits how often each caller may call."""

    def __init__(self, settings: ApiSettings) -> None:
        allowed = {Limit.VISITOR: settings.rate_limit, Limit.ROUTES: settings.rate_limit_routes}
        self._own = {limit: _Rate(limit.value, number) for limit, number in allowed.items()}
        self._networks = {
            limit: _Rate(f"{limit.value}_network", number * IN_A_NETWORK) for limit, number in allowed.items()
        }
        self._site = _Rate("site", settings.rate_limit_site)

    def apply_to(self, limit: Limit) -> bool:
        """Some endpoints have no limit of this kind."""
        return limit in self._own

    def reached(self, limit: Limit, caller: Visitor, now: float) -> Reached | None:
        """Count one request; None when it may pass. One that may not pass counts nowhere."""
        return self.reached_by(self.counted(limit, caller), now)

    def reached_by(self, counted: Counted, now: float) -> Reached | None:
        """Like `reached`, for a caller whose counters are known from `counted`."""
        if len(counted) == 1:  # most callers: one look-up less
            ((rate, key),) = counted
            wait = rate.counter.retry_after(key, now)
            return Reached(rate.name, wait) if wait else None
        for rate, key in counted:
            if rate.counter.is_reached(key, now):
                return Reached(rate.name, rate.counter.retry_after(key, now))
        for rate, key in counted:
            rate.counter.retry_after(key, now)
        return None

    async def reached_in_all_pods(self, shared: SharedLimit, limit: Limit, caller: Visitor) -> Reached | None:
        """Check the shared limit of all pods, for a request that this pod's limit allows."""
        for rate, key in self.counted(limit, caller):
            wait = await shared.retry_after(rate.name, key, rate.per_minute)
            if wait:
                return Reached(rate.name, wait)
        return None

    def counted(self, limit: Limit, caller: Visitor) -> Counted:
        """The names and limits that a caller's requests count against."""
        own = (self._own[limit], caller.key)
        if caller.network is not None:
            return own, (self._networks[limit], caller.network)
        return (own, (self._site, "vid")) if caller.named_itself else (own,)


def counted_as(principal: Principal, visitor: Visitor) -> Visitor | None:
    """The key that a principal's calls count against, independent of its address. None: it has no limit."""
    if principal.kind in _EXEMPT:
        return None
    return visitor if principal.kind is Kind.VISITOR else Visitor(key=principal.actor)


class Mistakes:
    """Limits wrong signatures or tokens per minute and address."""

    def __init__(self) -> None:
        self._own = RateLimit(MISTAKES)
        self._networks = RateLimit(MISTAKES * IN_A_NETWORK)

    def wait(self, visitor: Visitor, now: float) -> int:
        """The seconds that this address must wait because of earlier mistakes; counts nothing."""
        for counter, key in self._counted(visitor):
            if counter.is_reached(key, now):
                return counter.retry_after(key, now)
        return 0

    def count(self, visitor: Visitor, now: float) -> int:
        """Count one more; the seconds to wait if it is one too many."""
        return next((wait for counter, key in self._counted(visitor) if (wait := counter.retry_after(key, now))), 0)

    def _counted(self, visitor: Visitor) -> Iterator[tuple[RateLimit, str]]:
        yield self._own, visitor.key
        if visitor.network is not None:
            yield self._networks, visitor.network
