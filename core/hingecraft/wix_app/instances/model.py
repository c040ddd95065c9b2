"""The site that an instance token names, and what is checked before it is believed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hingecraft.wix_app.errors import ExpiredInstanceError, InvalidInstanceError

# In bytes.
LARGEST_TOKEN = 8192
# A token without an end of its own, for a call that only reads.
LONGEST_AGE = timedelta(days=7)
# Wix asks for this of each call that changes something.
LONGEST_AGE_TO_WRITE = timedelta(days=1)
CLOCK_DIFFERENCE = timedelta(minutes=5)
_MILLISECONDS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A site whose owner calls. `signed_at` is None where the token does not say when it was made."""

    instance_id: UUID
    signed_at: datetime | None
    origin_instance_id: UUID | None = None
    # When the token ends; None: it does not say so.
    ends_at: datetime | None = None

    def may_write(self, now: datetime) -> bool:
        """Whether the token is young enough for a call that changes something."""
        return self.signed_at is not None and now - self.signed_at <= LONGEST_AGE_TO_WRITE


def owner_of(fields: Mapping[str, Any], app_id: str, now: datetime) -> Instance:
    """The instance that verified fields name, if its owner has opened the app.

    Raises InvalidInstanceError or ExpiredInstanceError.
    """
    other = fields.get("appDefId")
    if other is not None and (not isinstance(other, str) or other.lower() != app_id):
        raise InvalidInstanceError("The instance token belongs to another app.")
    if fields.get("aid") is not None:
        raise InvalidInstanceError("The instance token belongs to a visitor.")
    instance_id = _uuid(fields.get("instanceId"))
    if instance_id is None:
        raise InvalidInstanceError("The instance token names no site.")
    signed_at = _moment(fields, "signDate")
    ends_at = _moment(fields, "expirationDate")
    _check_age(signed_at, ends_at, now)
    if fields.get("permissions") != "OWNER":
        raise InvalidInstanceError("The instance token does not belong to the site's owner.")
    return Instance(
        instance_id=instance_id,
        signed_at=signed_at,
        origin_instance_id=_uuid(fields.get("originInstanceId")),
        ends_at=ends_at or (signed_at + LONGEST_AGE if signed_at is not None else None),
    )


def _check_age(signed_at: datetime | None, ends_at: datetime | None, now: datetime) -> None:
    if signed_at is not None and signed_at > now + CLOCK_DIFFERENCE:
        raise InvalidInstanceError("The instance token was made in the future: check the backend's clock.")
    if ends_at is not None:
        if ends_at <= now:
            raise ExpiredInstanceError
    elif signed_at is None:
        raise InvalidInstanceError("The instance token does not say when it was made.")
    elif now - signed_at > LONGEST_AGE:
        raise ExpiredInstanceError


def _moment(fields: Mapping[str, Any], name: str) -> datetime | None:
    try:
        return moment_of(fields.get(name))
    except ValueError:
        raise InvalidInstanceError(f"The instance token's {name} is not a time.") from None


def moment_of(value: object) -> datetime | None:
    """A time as Wix writes it: ISO 8601, or milliseconds since 1970, also as text. None: there is none.

    Raises ValueError for anything else.
    """
    if value is None:
        return None
    if isinstance(value, str) and not value.isdecimal():
        found = datetime.fromisoformat(value)
        return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    try:
        return datetime.fromtimestamp(_whole(value) / _MILLISECONDS, UTC)
    except (OverflowError, OSError, TypeError) as error:
        raise ValueError("not a time") from error


def _whole(value: object) -> int:
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise TypeError(f"not a number: {type(value).__name__}")
    return int(value)


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
