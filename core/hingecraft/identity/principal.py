"""Who calls, whatever they have proved it with. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What kinds of callers there are."""

    VISITOR = "visitor"
    USER = "user"
    SERVICE = "service"
    ADMIN = "admin"
    WIX_INSTANCE = "wix_instance"
    ENGINE = "engine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """One caller. A visitor has an id only where the site has signed it; admins share one token, and engines too."""

    kind: Kind
    id: str | None = None

    @property
    def scope(self) -> str | None:
        """Separates its idempotency keys from those of others. None for a visitor without an id."""
        if self.kind is Kind.VISITOR:
            return self.id
        return self.actor

    @property
    def actor(self) -> str:
        """How the audit log calls it."""
        if self.kind is Kind.VISITOR:
            return "api"
        return self.kind.value if self.id is None else f"{self.kind.value}:{self.id}"


ANONYMOUS = Principal(kind=Kind.VISITOR)
