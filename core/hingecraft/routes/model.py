"""A version of the routes, the policy for publishing, and the result of a rebuild."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from hingecraft.errors import ConflictError

Provider = Literal["stripe", "nowpayments"]
ProblemKind = Literal["wallet", "link"]
PROVIDERS: tuple[Provider, ...] = ("stripe", "nowpayments")

# The names by which a PaymentRoutes resource marks a field as its own.
PIN_FIELD = "pinVersion"
PAUSED_FIELD = "paused"
SINGLE_USE_FIELD = "publish.singleUseCheckouts"


def provider_field(provider: str) -> str:
    """The managed name of a provider's switch."""
    return f"providers.{provider}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutesVersion:
    """One immutable version; `routes` is JSON text exactly as its checksum was taken over."""

    version: int
    checksum: str
    generated_at: datetime
    restored_from: int | None
    next_expiry: datetime | None
    routes: str

    @property
    def announcement(self) -> dict[str, Any]:
        """The data of the webhook about this version."""
        return announcement(self.version, self.checksum, self.generated_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A version and the stamp of its currencies: everything that a pod needs to serve it."""

    version: RoutesVersion
    currencies: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """The result of a rebuild: the newest version, and whether the rebuild made it."""

    version: int | None
    checksum: str | None
    generated_at: datetime | None
    next_expiry: datetime | None
    changed: bool
    paused: bool
    pin_missing: bool
    committed_at: datetime | None
    # Only if the caller asked for it.
    document: Document | None = None

    @property
    def result(self) -> str:
        """The result in one word, for metrics."""
        if self.paused:
            return "paused"
        return "published" if self.changed else "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A wallet or link that pages do not use, and the reason as a sentence."""

    kind: ProblemKind
    id: UUID | None
    currency: str | None
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The rules for publishing."""

    disabled_providers: frozenset[str]
    single_use_checkouts: bool
    paused: bool
    pin_version: int | None
    managed: frozenset[str]

    def refuse_managed(self, fields: frozenset[str]) -> None:
        """Raise an error for fields that a PaymentRoutes resource sets: they can be changed only there."""
        taken = sorted(fields & self.managed)
        if taken:
            raise ConflictError(
                "managed_by_resource",
                f"{', '.join(taken)} is set by a PaymentRoutes resource. Change it there.",
            )

    def as_declared(self, declared: Declared) -> Policy:
        """The policy after a resource has declared its fields."""
        disabled = set(self.disabled_providers) | {name for name, enabled in declared.providers.items() if not enabled}
        unpinned = PIN_FIELD in self.managed and declared.pin_version is None
        single_use, paused = declared.single_use_checkouts, declared.paused
        return Policy(
            disabled_providers=frozenset(disabled - {name for name, enabled in declared.providers.items() if enabled}),
            single_use_checkouts=self.single_use_checkouts if single_use is None else single_use,
            paused=self.paused if paused is None else paused,
            pin_version=None if unpinned else declared.pin_version or self.pin_version,
            managed=declared.fields,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChange:
    """Changes to the policy; None does not change a field."""

    providers: dict[str, bool]
    single_use_checkouts: bool | None = None
    paused: bool | None = None

    @property
    def fields(self) -> frozenset[str]:
        """The names of the managed fields that this would change."""
        named = {provider_field(provider) for provider in self.providers}
        if self.single_use_checkouts is not None:
            named.add(SINGLE_USE_FIELD)
        if self.paused is not None:
            named.add(PAUSED_FIELD)
        return frozenset(named)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """The policy fields of a PaymentRoutes resource; None for a field that it does not set."""

    providers: dict[str, bool]
    single_use_checkouts: bool | None = None
    paused: bool | None = None
    pin_version: int | None = None

    @property
    def change(self) -> PolicyChange:
        """The change, without the pin."""
        return PolicyChange(
            providers=self.providers, single_use_checkouts=self.single_use_checkouts, paused=self.paused
        )

    @property
    def fields(self) -> frozenset[str]:
        """The names of the managed fields that it sets."""
        return self.change.fields | ({PIN_FIELD} if self.pin_version is not None else set())


def announcement(version: int, checksum: str, generated_at: datetime) -> dict[str, Any]:
    """The data of `routes.updated`."""
    return {"version": version, "checksum": checksum, "generatedAt": timestamp(generated_at)}


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, as everything that we publish is written."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
