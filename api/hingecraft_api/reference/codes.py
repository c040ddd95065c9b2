"""The meaning of each error code: its status, and what a client should do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from hingecraft.errors import ErrorCode
from hingecraft_api.access.bearer import BEARERS
from hingecraft_api.access.credentials import errors_of
from hingecraft_api.access.limits import Limit
from hingecraft_api.web.endpoint import Endpoint


class Code(NamedTuple):
    """One error code. `advice` is Markdown."""

    status: int
    advice: str


CODES: Mapping[ErrorCode, Code] = {
    "already_owned": Code(409, "Show the product: the user has it, or has just paid for it."),
    "already_subscribed": Code(409, "The user has a plan: change it in the billing portal."),
    "amount_out_of_range": Code(400, "Send an amount between the bounds in `error`."),
    "another_currency": Code(
        409,
        "The user has a subscription in another currency: Stripe takes one for each customer. Offer a product in it.",
    ),
    "append_only": Code(409, "Settlements and the audit log can't be changed."),
    "auth_unavailable": Code(503, "Retry after `Retry-After`. What verifies tokens cannot be reached."),
    "bad_request": Code(400, "Send valid HTTP."),
    "bad_url": Code(502, "The provider's link can't be trusted. Tell the people who run the backend."),
    "balance_out_of_range": Code(409, "Add less: the balance would be too large."),
    "counted_before": Code(409, "This settlement has already been recorded."),
    "currency_disabled": Code(400, "Choose a currency that `GET /config` lists."),
    "database_unavailable": Code(503, "Retry after `Retry-After`."),
    "disputed": Code(403, "Wait for the end of the dispute: access comes back if it is won."),
    "downgrade": Code(409, "`error` says how the site's owner gets a smaller plan."),
    "download_expired": Code(410, "Ask `GET /api/v1/downloads/{designId}` for a new URL."),
    "download_limit": Code(
        429, "All downloads are used: offer the design again, or wait for the subscription's next period."
    ),
    "download_unavailable": Code(503, "Retry in a few minutes: the file cannot be read. The download was not counted."),
    "downloads_disabled": Code(503, "Set `DOWNLOADS` and `DOWNLOAD_SECRET`."),
    "expectation_failed": Code(417, "Leave out the header `Expect`."),
    "expired": Code(403, "The access has ended: buy the design or a subscription again."),
    "expired_webhook": Code(401, "The message came too late: Wix is asked about the site at the next reconciliation."),
    "hash_counted": Code(409, "This transaction has already been recorded."),
    "headers_too_large": Code(431, "Send a shorter URL, or shorter or fewer headers."),
    "idempotency_in_flight": Code(409, "Retry after `Retry-After` with the same key."),
    "idempotency_key_reused": Code(422, "Use a new key for a new body."),
    "illegal_move": Code(409, "The payment's status doesn't allow this."),
    "insufficient_credits": Code(402, "Ask the user to buy credits. The reference can be used again."),
    "internal_error": Code(500, "Our fault: report the `requestId`."),
    "invalid_amount": Code(400, "Send a plain number with at most the currency's decimals."),
    "invalid_body": Code(400, "The body was cut off: send it again."),
    "invalid_cursor": Code(400, "Send `nextCursor` of the previous page."),
    "invalid_endpoint": Code(400, "Correct the webhook endpoint's name."),
    "invalid_event": Code(400, "The body is signed but is not an event."),
    "invalid_idempotency_key": Code(400, "Send one key of 16 to 255 characters without spaces."),
    "invalid_json": Code(400, "Send valid JSON in UTF-8."),
    "invalid_page_load": Code(400, "Send a UUID in `X-HC-Page-Load`."),
    "invalid_plan_session": Code(400, "Choose the plan again: the plan session has expired or is not ours."),
    "invalid_request": Code(400, "Correct the `fields`."),
    "invalid_signature": Code(400, "Check the webhook secret."),
    "invalid_text": Code(400, "Leave out NUL and half surrogate pairs."),
    "invalid_token": Code(401, "Sign in again. `error` says what is wrong with the token."),
    "invalid_wix_instance": Code(
        401, "Get a fresh token, or open the app from the site's dashboard, as its owner: `error` says why."
    ),
    "is_a_correction": Code(409, "Correct the settlement that the answer names."),
    "job_ended": Code(409, "Read the job again: nothing is left to cancel."),
    "managed_by_resource": Code(409, "Change it in the `PaymentRoutes` resource."),
    "members_disabled": Code(503, "Set `AUTH_JWT_SECRET` or `AUTH_JWKS_URL` on the backend."),
    "method_not_allowed": Code(405, "Use a method that the header `Allow` lists."),
    "missing_token": Code(401, "Send `Authorization: Bearer <token>`."),
    "missing_wix_instance": Code(401, "Send `Authorization: WixInstance <token>` from the app's dashboard."),
    "no_customer": Code(404, "The user has bought nothing yet: offer a pack or a plan."),
    "no_job_file": Code(409, "Wait until the export is `completed`. Jobs of other types have no file."),
    "no_plan_session": Code(404, "Choose a plan: `POST /api/v1/plan-session`."),
    "not_a_subscription": Code(409, "Cancel only subscriptions: this purchase was paid once."),
    "not_a_wallet": Code(409, "Only wallet payments are confirmed by hand."),
    "not_authorized": Code(403, "Ask only for what belongs to the user of the token."),
    "not_awaiting": Code(409, "The payment isn't waiting for a confirmation."),
    "not_bought": Code(402, "Buy the design, or a subscription."),
    "not_found": Code(404, "Check the path: `/docs` lists all."),
    "not_owner": Code(403, "Add the site's instance id to `WIX_OWNER_INSTANCES` if it may see the payments."),
    "not_pending": Code(409, "Read the payment again: it has ended, or was just paid."),
    "not_ready": Code(503, "Retry in a second."),
    "not_refundable": Code(409, "Show `error`: it says what to do instead."),
    "not_served_everywhere": Code(504, "`lagging` names the pods that don't serve it yet. Wait longer."),
    "not_yet": Code(503, "This pod doesn't have that version yet: retry after `Retry-After`."),
    "origin_not_allowed": Code(403, "Add the origin to `CORS_ORIGINS`."),
    "paused": Code(409, "Set `paused` to false in the policy first."),
    "plan_session_used": Code(409, "Choose the plan again: a checkout has used this plan session."),
    "plan_sessions_disabled": Code(503, "Set `JWT_SECRET` on the backend."),
    "prefill_empty": Code(409, "The prefill has no amount: ask for one."),
    "prefill_gone": Code(410, "The prefill is used, expired or unknown: ask for the amount."),
    "product_inactive": Code(409, "Offer another product: this one is no longer sold."),
    "provider_busy": Code(502, "Retry in a few seconds."),
    "provider_disabled": Code(503, "Choose another way to pay."),
    "provider_refused": Code(502, "The provider rejected the payment: try another amount or currency."),
    "provider_unavailable": Code(502, "Retry in a minute with the same key."),
    "range_not_satisfiable": Code(416, "Ask for a range inside the file, or for all of it."),
    "rate_limited": Code(429, "Retry after `Retry-After`."),
    "reference_reused": Code(422, "Use a new reference: this one has another amount."),
    "refund_too_large": Code(409, "Ask for at most what `error` says is left, or leave out `amount`."),
    "refunded": Code(403, "The payment was refunded: buy the design again."),
    "request_timeout": Code(408, "The body took more than 10 seconds: send it again."),
    "return_not_allowed": Code(400, "Send an https address of the site or of `RETURN_ORIGINS`."),
    "role_not_allowed": Code(403, "Use a token whose role may make this call."),
    "stale_wix_instance": Code(401, "Get a fresh token (`dashboard.getAccessToken()`), or reload the page."),
    "too_large": Code(413, "Send a smaller body."),
    "too_many_jobs": Code(409, "Wait until one of the site's jobs has ended, or cancel one."),
    "too_many_streams": Code(429, "Close a stream of this site, or poll instead."),
    "unauthorized": Code(401, "Send the admin token as `Authorization: Bearer <token>`."),
    "unknown_currency": Code(400, "Send a code that `GET /config` lists."),
    "unknown_download": Code(404, "Ask `GET /api/v1/downloads/{designId}` for a new URL."),
    "unknown_event": Code(400, "Use an event type that we send."),
    "unknown_job": Code(404, "Check the id. Jobs are deleted seven days after their end."),
    "unknown_payment": Code(404, "Check the payment's id."),
    "unknown_plan": Code(400, "Choose a plan that `GET /api/v1/wix/plans` lists."),
    "unknown_prefill": Code(400, "Leave out `prefillId`."),
    "unknown_price": Code(400, "Send a `priceId` that `GET /api/v1/credits/packs` lists."),
    "unknown_product": Code(404, "Check the product's id and type: `GET /api/v1/products` lists those that are sold."),
    "unknown_provider": Code(400, "Use `stripe` or `nowpayments`."),
    "unknown_purchase": Code(404, "Check the purchase's id: `GET /api/v1/purchases` lists them."),
    "unknown_session": Code(404, "Check the session's id."),
    "unknown_settlement": Code(404, "Check the settlement's id: `GET /admin/payments/{id}` lists them."),
    "unknown_version": Code(404, "Use a version that `GET /admin/routes/versions` lists."),
    "unsupported_currency": Code(400, "Choose a currency that `GET /config` lists."),
    "unsupported_media_type": Code(415, "Send `Content-Type: application/json`."),
    "wix_app_disabled": Code(503, "Set `WIX_APP_ID`, `WIX_APP_SECRET` and `WIX_APP_PUBLIC_KEY` on the backend."),
    "wrong_coin": Code(400, "Confirm the coin that the payment waits for."),
    "yearly_to_monthly": Code(409, "`error` says how the site's owner changes to a monthly plan."),
}

# Any request can get these, whatever it asks for.
OF_ANY_CALL: tuple[ErrorCode, ...] = (
    "bad_request",
    "expectation_failed",
    "headers_too_large",
    "internal_error",
    "method_not_allowed",
    "not_found",
    "origin_not_allowed",
)
_OF_NAMES: tuple[ErrorCode, ...] = ("invalid_request", "invalid_text")
_OF_BODIES: tuple[ErrorCode, ...] = (
    "invalid_body",
    "invalid_json",
    "invalid_request",
    "invalid_text",
    "request_timeout",
    "too_large",
    "unsupported_media_type",
)
_OF_KEYS: tuple[ErrorCode, ...] = ("idempotency_in_flight", "idempotency_key_reused", "invalid_idempotency_key")


def codes_of(endpoint: Endpoint) -> list[ErrorCode]:
    """Every code that the endpoint can answer with, besides those of any call, sorted."""
    found = set(endpoint.errors)
    if endpoint.query or "{" in endpoint.path:
        found.update(_OF_NAMES)
    if endpoint.body:
        found.update(_OF_BODIES)
    if endpoint.idempotent:
        found.update(_OF_KEYS)
    found |= errors_of(endpoint.access)
    if endpoint.limit is not Limit.NONE or not BEARERS.isdisjoint(endpoint.access):
        found.add("rate_limited")
    return sorted(found)


def by_status(codes: list[ErrorCode]) -> dict[int, list[ErrorCode]]:
    """The codes grouped by their status, in the order of the statuses."""
    statuses = sorted({CODES[code].status for code in codes})
    return {status: [code for code in codes if CODES[code].status == status] for status in statuses}
