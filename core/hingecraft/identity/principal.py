"""The caller, independent of its credential, and the actor of a change. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """The kinds of callers."""

    VISITOR = "visitor"
    USER = "user"
    SERVICE = "service"
    ADMIN = "admin"
    WIX_INSTANCE = "wix_instance"
    # A Wix instance that may see this backend's payments; as a caller it is the same.
    WIX_OWNER = "wix_owner"
    ENGINE = "engine"


# Supabase's roles. Calls of other kinds run without row-level security per caller.
_DATABASE_ROLES: Mapping[Kind, str] = {
    Kind.VISITOR: "anon",
    Kind.USER: "authenticated",
    Kind.SERVICE: "service_role",
    Kind.ADMIN: "service_role",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """One caller. A visitor has an id only where the site has signed it; admins share one token, and engines too."""

    kind: Kind
    id: str | None = None
    # A user's address, as the issuer has verified or taken it; it names nobody, so it does not count in comparisons.
    email: str | None = field(default=None, compare=False, repr=False)
    # When its credential ends, for answers that stay open; None: it has no end, or nobody needs it.
    expires_at: datetime | None = field(default=None, compare=False)

    @property
    def scope(self) -> str | None:
        """Separates its idempotency keys from those of others. None for a visitor without an id."""
        if self.kind is Kind.VISITOR:
            return self.id
        return self.actor

    @property
    def actor(self) -> str:
        """The caller's name in the audit log."""
        if self.kind is Kind.VISITOR:
            return "api"
        return self.kind.value if self.id is None else f"{self.kind.value}:{self.id}"

    @property
    def database_role(self) -> str:
        """The role that row-level security knows it by; raises ValueError where there is none for its kind."""
        role = _DATABASE_ROLES.get(self.kind)
        if role is None:
            raise ValueError(f"{self.kind.value} has no role in the database")
        return role

    @property
    def claims(self) -> Mapping[str, str]:
        """The claims that policies read: `sub` only for a user, so that no other id is mistaken for a user's."""
        subject = {"sub": self.id} if self.kind is Kind.USER and self.id is not None else {}
        return {"role": self.database_role, **subject}


ANONYMOUS = Principal(kind=Kind.VISITOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """The name of the person or program that makes a change, and the request behind it."""

    name: str
    request_id: str | None = None
