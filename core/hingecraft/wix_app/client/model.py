"""The answers of Wix's API about a site and a token. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

_LONGEST_EMAIL = 320
# A billing period that begins later may end after the last day of the calendar.
_LATEST_YEAR = 2999
_STATUSES: Final = {"INSTALLED": True, "UNINSTALLED": False}


class UnreadableAnswerError(ValueError):
    """An answer of Wix lacks something that it must have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Billing:
    """A site's paid plan. `ends_at` is known only for plans of a year and longer."""

    product: str
    cycle: str
    started_at: datetime
    ends_at: datetime | None
    renews: bool
    invoice_id: str | None
    in_trial: bool
    trial_ends_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AppInstance:
    """The app on one site; `billing` is None for a site that pays for no plan."""

    instance_id: UUID
    billing: Billing | None
    origin_instance_id: UUID | None
    # Only for apps with the permission to read it.
    owner_email: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """A plan that was paid for. Wix lists no cancellations."""

    product: str
    cycle: str
    price: str
    currency: str
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenInfo:
    """The holder of a token; `subject` is APP, USER, MEMBER, VISITOR or UNKNOWN."""

    subject: str
    app_id: str | None
    instance_id: UUID | None
    issued_at: datetime | None
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Installations:
    """A page of Wix's list: whether each site has the app, and the cursor of the next page; None for the last one."""

    has_app: Mapping[UUID, bool]
    cursor: str | None


def app_instance_in(answer: Mapping[str, Any]) -> AppInstance:
    """The answer of `GET /apps/v1/instance`; raises UnreadableAnswerError."""
    instance, site = _object(answer, "instance"), answer.get("site")
    instance_id = _uuid(instance.get("instanceId"))
    is_free, billing = instance.get("isFree"), instance.get("billing")
    if instance_id is None or not isinstance(is_free, bool) or (not is_free and not isinstance(billing, dict)):
        raise UnreadableAnswerError("the app instance lacks its id or its billing")
    site = site if isinstance(site, dict) else {}
    owner = site.get("ownerInfo")
    return AppInstance(
        instance_id=instance_id,
        billing=_billing_in(billing) if isinstance(billing, dict) and not is_free else None,
        origin_instance_id=_uuid(instance.get("originInstanceId")),
        owner_email=_email(owner.get("email")) if isinstance(owner, dict) else None,
    )


def _billing_in(billing: Mapping[str, Any]) -> Billing:
    product, cycle = _text(billing.get("packageName")), _text(billing.get("billingCycle"))
    started_at = _moment(billing.get("timeStamp"))
    if product is None or cycle is None or started_at is None:
        raise UnreadableAnswerError("the billing lacks its package, cycle or time")
    trial = billing.get("freeTrialInfo")
    trial = trial if isinstance(trial, dict) else {}
    return Billing(
        product=product,
        cycle=cycle,
        started_at=started_at,
        ends_at=_moment(billing.get("expirationDate")),
        renews=billing.get("autoRenewing") is not False,
        invoice_id=_text(billing.get("invoiceId")),
        in_trial=trial.get("status") == "IN_PROGRESS",
        trial_ends_at=_moment(trial.get("endDate")),
    )


def purchases_in(answer: Mapping[str, Any]) -> list[Purchase]:
    """The answer of `GET /apps/v1/checkout/history`; raises UnreadableAnswerError."""
    listed = answer.get("purchases")
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise UnreadableAnswerError("the history has no list of purchases")
    return [
        Purchase(
            product=str(each.get("productId", "")),
            cycle=str(each.get("billingCycle", "")),
            price=str(each.get("price", "")),
            currency=str(each.get("currency", "")),
            at=_moment(each.get("dateCreated")),
        )
        for each in listed
    ]


def installations_in(answer: Mapping[str, Any], app_id: str) -> Installations:
    """The answer of Query App Installations; raises UnreadableAnswerError also for a row of another app."""
    rows, paging = answer.get("appInstallations"), _object(answer, "pagingMetadata")
    cursors = paging.get("cursors")
    if not isinstance(rows, list):
        raise UnreadableAnswerError("the answer has no list of installations")
    cursor = _text(cursors.get("next")) if isinstance(cursors, dict) else None
    if paging.get("hasNext") is True and cursor is None:
        raise UnreadableAnswerError("there is another page, and no cursor for it")
    return Installations(has_app=dict(_installation_in(row, UUID(app_id)) for row in rows), cursor=cursor)


def _installation_in(row: object, app_id: UUID) -> tuple[UUID, bool]:
    row = row if isinstance(row, dict) else {}
    instance_id, status = _uuid(row.get("instanceId")), _text(row.get("status"))
    if _uuid(row.get("appId")) != app_id:
        raise UnreadableAnswerError("an installation is of another app")
    if instance_id is None or status is None or status not in _STATUSES:
        raise UnreadableAnswerError("an installation lacks its instance id or its status")
    return instance_id, _STATUSES[status]


def token_info_in(answer: Mapping[str, Any]) -> TokenInfo | None:
    """The answer of Token Info, whose numbers may be texts; None for a token that is not active."""
    if answer.get("active") not in (True, "true"):
        return None
    expires_at = _time(answer.get("exp"))
    if expires_at is None:
        raise UnreadableAnswerError("an active token has no end")
    return TokenInfo(
        subject=str(answer.get("subjectType", "UNKNOWN")),
        app_id=_text(answer.get("clientId")),
        instance_id=_uuid(answer.get("instanceId")),
        issued_at=_time(answer.get("iat")),
        expires_at=expires_at,
    )


def _object(answer: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = answer.get(name)
    if not isinstance(found, dict):
        raise UnreadableAnswerError(f"the answer has no {name}")
    return found


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _email(value: object) -> str | None:
    """An address that can be stored."""
    text = _text(value)
    return text if text is not None and len(text) <= _LONGEST_EMAIL and text.isprintable() else None


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _moment(value: object) -> datetime | None:
    if value is None or value == "":
        return None
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None or found.year > _LATEST_YEAR:
        raise UnreadableAnswerError("a time cannot be read")
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def seconds_of(value: object) -> float | None:
    """A number of Wix's, which may be a text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _time(value: object) -> datetime | None:
    seconds = seconds_of(value)
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds is not None else None
    except (ValueError, OverflowError, OSError):
        return None
