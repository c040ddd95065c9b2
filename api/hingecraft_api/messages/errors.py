"""Turns the product's errors into answers: one status for each kind, and what the caller should do next."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import web

from hingecraft.credits.model import InsufficientCreditsError, PlanSessionsDisabledError, ReferenceReusedError
from hingecraft.dashboard.changes import TooManyStreamsError
from hingecraft.donations.model import GoneError
from hingecraft.errors import ConflictError, ErrorCode, InvalidError, MissingError, RejectedError
from hingecraft.idempotency.model import InFlightError, KeyReusedError
from hingecraft.identity.errors import (
    AuthUnavailableError,
    InvalidTokenError,
    MembersDisabledError,
    NotAuthorizedError,
    RoleNotAllowedError,
)
from hingecraft.payments.model import ProviderDisabledError, ProviderFailedError
from hingecraft.payments.refunds.model import RefundReferenceTakenError
from hingecraft.purchases.downloads.model import (
    AccessEndedError,
    DownloadExpiredError,
    DownloadLimitError,
    DownloadsDisabledError,
    DownloadUnavailableError,
    NotBoughtError,
)
from hingecraft.wix_app.credits.model import NotEnoughCreditsError, ReferenceTakenError
from hingecraft.wix_app.errors import (
    ExpiredInstanceError,
    ExpiredWebhookError,
    InvalidInstanceError,
    MissingInstanceError,
    NotOwnerError,
    StaleInstanceError,
    WixAppDisabledError,
)
from hingecraft_api.messages.answers import error_answer
from hingecraft_api.messages.bodies import SlowBodyError, UnsupportedMediaTypeError


class UnauthorizedError(RejectedError):
    """The call has no valid credential."""


class WrongTokenError(UnauthorizedError):
    """A token that is not ours; an address that sends many of these has to wait."""


class ForgedError(RejectedError):
    """The signature is not the provider's; an address that sends many of these has to wait."""


class OversizeError(ForgedError):
    """The body is larger than any message of the provider, so its signature is not checked."""


_STATUS: Mapping[type[RejectedError], int] = {
    UnsupportedMediaTypeError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    SlowBodyError: HTTPStatus.REQUEST_TIMEOUT,
    InvalidError: HTTPStatus.BAD_REQUEST,
    OversizeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ForgedError: HTTPStatus.BAD_REQUEST,
    UnauthorizedError: HTTPStatus.UNAUTHORIZED,
    InvalidTokenError: HTTPStatus.UNAUTHORIZED,
    RoleNotAllowedError: HTTPStatus.FORBIDDEN,
    NotAuthorizedError: HTTPStatus.FORBIDDEN,
    AuthUnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    MembersDisabledError: HTTPStatus.SERVICE_UNAVAILABLE,
    PlanSessionsDisabledError: HTTPStatus.SERVICE_UNAVAILABLE,
    MissingInstanceError: HTTPStatus.UNAUTHORIZED,
    InvalidInstanceError: HTTPStatus.UNAUTHORIZED,
    ExpiredInstanceError: HTTPStatus.UNAUTHORIZED,
    StaleInstanceError: HTTPStatus.UNAUTHORIZED,
    ExpiredWebhookError: HTTPStatus.UNAUTHORIZED,
    NotOwnerError: HTTPStatus.FORBIDDEN,
    WixAppDisabledError: HTTPStatus.SERVICE_UNAVAILABLE,
    MissingError: HTTPStatus.NOT_FOUND,
    ConflictError: HTTPStatus.CONFLICT,
    InFlightError: HTTPStatus.CONFLICT,
    GoneError: HTTPStatus.GONE,
    KeyReusedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    InsufficientCreditsError: HTTPStatus.PAYMENT_REQUIRED,
    ReferenceReusedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotEnoughCreditsError: HTTPStatus.PAYMENT_REQUIRED,
    ReferenceTakenError: HTTPStatus.UNPROCESSABLE_ENTITY,
    RefundReferenceTakenError: HTTPStatus.UNPROCESSABLE_ENTITY,
    TooManyStreamsError: HTTPStatus.TOO_MANY_REQUESTS,
    NotBoughtError: HTTPStatus.PAYMENT_REQUIRED,
    AccessEndedError: HTTPStatus.FORBIDDEN,
    DownloadLimitError: HTTPStatus.TOO_MANY_REQUESTS,
    DownloadExpiredError: HTTPStatus.GONE,
    DownloadsDisabledError: HTTPStatus.SERVICE_UNAVAILABLE,
    DownloadUnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    ProviderFailedError: HTTPStatus.BAD_GATEWAY,
    ProviderDisabledError: HTTPStatus.SERVICE_UNAVAILABLE,
}
# Seconds.
_RETRY_AFTER: Mapping[ErrorCode, str] = {
    "idempotency_in_flight": "1",
    "auth_unavailable": "5",
    "provider_busy": "5",
    "provider_unavailable": "60",
}


def answer_for(error: RejectedError, request_id: str) -> web.Response:
    """The answer for an error."""
    status = next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)
    wait = _RETRY_AFTER.get(error.code)
    headers = {"Retry-After": wait} if wait else None
    return error_answer(status, error.code, error.sentence, request_id=request_id, fields=error.fields, headers=headers)
