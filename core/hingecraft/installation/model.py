"""Who claims a database, and how a claim ends. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimant:
    """A PaymentRoutes resource: its uid, its namespace/name, and the cluster that it lives in."""

    uid: str
    name: str
    cluster: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """The identity of a database, and the resource that owns it."""

    id: UUID
    claimed_by: Claimant | None
