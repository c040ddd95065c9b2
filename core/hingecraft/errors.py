"""Errors that the product knows by name. Their text is shown to people, so it never holds a secret or SQL."""

from __future__ import annotations

from typing import Literal

# Every code that the API answers with; `docs/openapi.json` and `docs/api.md` list them.
ErrorCode = Literal[
    # The request.
    "amount_out_of_range",
    "bad_request",
    "expectation_failed",
    "headers_too_large",
    "invalid_amount",
    "invalid_body",
    "invalid_cursor",
    "invalid_endpoint",
    "invalid_event",
    "invalid_idempotency_key",
    "invalid_json",
    "invalid_page_load",
    "invalid_plan_session",
    "invalid_request",
    "invalid_signature",
    "invalid_text",
    "method_not_allowed",
    "no_plan_session",
    "not_found",
    "request_timeout",
    "range_not_satisfiable",
    "return_not_allowed",
    "too_large",
    "unknown_currency",
    "unknown_download",
    "unknown_event",
    "unknown_job",
    "unknown_payment",
    "unknown_plan",
    "unknown_prefill",
    "unknown_price",
    "unknown_product",
    "unknown_provider",
    "unknown_purchase",
    "unknown_session",
    "unknown_settlement",
    "unknown_version",
    "unsupported_currency",
    "unsupported_media_type",
    "wrong_coin",
    # The caller, and limits.
    "auth_unavailable",
    "expired_webhook",
    "invalid_token",
    "invalid_wix_instance",
    "members_disabled",
    "missing_token",
    "missing_wix_instance",
    "not_authorized",
    "not_owner",
    "origin_not_allowed",
    "rate_limited",
    "role_not_allowed",
    "stale_wix_instance",
    "too_many_streams",
    "unauthorized",
    # The current state.
    "already_owned",
    "already_subscribed",
    "another_currency",
    "append_only",
    "balance_out_of_range",
    "counted_before",
    "currency_disabled",
    "disputed",
    "downgrade",
    "download_expired",
    "download_limit",
    "expired",
    "hash_counted",
    "idempotency_in_flight",
    "idempotency_key_reused",
    "illegal_move",
    "insufficient_credits",
    "is_a_correction",
    "job_ended",
    "managed_by_resource",
    "no_customer",
    "no_job_file",
    "not_a_subscription",
    "not_a_wallet",
    "not_awaiting",
    "not_bought",
    "not_pending",
    "not_refundable",
    "paused",
    "plan_session_used",
    "prefill_empty",
    "prefill_gone",
    "product_inactive",
    "reference_reused",
    "refund_too_large",
    "refunded",
    "too_many_jobs",
    "yearly_to_monthly",
    # The providers and ourselves.
    "bad_url",
    "database_unavailable",
    "download_unavailable",
    "downloads_disabled",
    "internal_error",
    "not_ready",
    "not_served_everywhere",
    "not_yet",
    "plan_sessions_disabled",
    "provider_busy",
    "provider_disabled",
    "provider_refused",
    "provider_unavailable",
    "wix_app_disabled",
]


class HingecraftError(Exception):
    """The root of the product's errors."""


class UsageError(HingecraftError):
    """The person who runs the program gave it something wrong. One line says what to do."""


class RejectedError(HingecraftError):
    """A request is rejected, with a code that programs can act on."""

    def __init__(self, code: ErrorCode, sentence: str, *, fields: dict[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.fields = fields


class InvalidError(RejectedError):
    """The input is malformed or out of range."""


class ConflictError(RejectedError):
    """The input is fine, but the current state forbids it."""


class MissingError(RejectedError):
    """The named object does not exist."""


class ForeignError(HingecraftError):
    """The event is not about a payment of this installation: the account may have other traffic."""


class NotYetError(HingecraftError):
    """It cannot be processed yet: the inbox retries for days, with growing pauses."""


class UnansweredError(NotYetError):
    """A source that had to be asked did not answer."""


class AskFirstError(HingecraftError):
    """The event has not enough information: its source has to be asked."""


class DatabaseUnavailableError(HingecraftError):
    """Postgres cannot be reached, or did not answer in time."""


class ConnectionEndedError(DatabaseUnavailableError):
    """The connection ended in the middle of a transaction, of which nothing is kept."""


class InRecoveryError(DatabaseUnavailableError):
    """The server is a standby, which may be behind."""

    def __init__(self) -> None:
        super().__init__(
            "the database server is a standby (in recovery), and routes are read from the primary only: "
            "make the DSN lead to the primary"
        )
