"""Schemathesis makes requests from the document, right and wrong ones, and holds the answers against it."""

from __future__ import annotations

import json
from ipaddress import IPv4Network

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from generators.files import openapi
from hingecraft_api.messages.described import USER
from support.pods import ADMIN
from support.processes import ApiProcess
from support.tokens import SERVICE_TOKEN, bearer, token_for
from support.wix import as_instance

ADDRESSES = IPv4Network("10.0.0.0/8").hosts()
schema = schemathesis.openapi.from_dict(json.loads(openapi()))

WIX_EVENTS = ("app-installed", "app-removed", "plan-purchased", "plan-updated", "plan-cancelled")
# Whether a request is right also depends on the data: a currency's bounds, a key used before, a signature, NUL in text.
DATA_DECIDE = {
    "/mission-support/micro-payment",
    "/mission-support/other", "/charter/generate-payment", "/prefill/{id}", "/admin/payments",
    "/admin/payments/{id}/confirm", "/admin/settlements/{id}/correct", "/webhooks/stripe", "/webhooks/nowpayments",
    "/api/v1/credits/spend", "/admin/credits/adjust", "/admin/users/{id}", "/api/v1/plan-session",
    "/admin/products", "/admin/products/{id}", "/api/v1/products", "/api/v1/downloads/{designId}", "/downloads/{token}",
    "/api/v1/purchases", "/admin/stats", "/api/v1/wix/credits/spend", "/api/v1/wix/settings",
    "/api/v1/wix/billing/checkout-url", "/api/v1/wix/events", "/api/v1/wix/webhook",
    "/api/v1/wix/overview", "/api/v1/wix/payments", "/api/v1/wix/payments/{id}/refunds",
    *(f"/api/v1/wix/webhook/{name}" for name in WIX_EVENTS),
}  # fmt: skip
# Who calls what is not for admins.
_USER = bearer(token_for(USER))
CALLERS = {
    "/api/v1/credits/balance": _USER, "/api/v1/credits/transactions": _USER,
    "/api/v1/credits/spend": bearer(SERVICE_TOKEN),
}  # fmt: skip
# For owners. Who may not make the other calls of their dashboard is rejected: a stream never ends, and a switch would
# change what the other calls answer.
OWNERS = {
    "/api/v1/wix/overview", "/api/v1/wix/payments", "/api/v1/wix/payments/{id}",
    "/api/v1/wix/payments/{id}/refunds", "/api/v1/wix/routes",
}  # fmt: skip
# A version that is not there yet, or not everywhere in the time given, is 503 and 504.
WAITING = {"/routes", "/admin/refresh"}


def left_out(case):
    """The checks that say nothing about this request."""
    path = case.operation.path
    if path in DATA_DECIDE | WAITING:
        yield positive_data_acceptance
    if path in WAITING:
        yield not_a_server_error
    # Any request may have headers that nobody knows. An object or a list in the query arrives as plain text, which
    # may be right.
    wrong_on_paper = path == "/routes" or any(isinstance(each, dict | list) for each in (case.query or {}).values())
    if wrong_on_paper:
        yield negative_data_rejection


@pytest.mark.timeout(600)
@schema.parametrize()
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
def test_the_pod_keeps_to_its_document(case, pod: ApiProcess, site: str, owner: str):
    # Each from an address of its own: the wrong tokens that are tried would make one address wait.
    address = str(next(ADDRESSES))
    path = case.operation.path
    wix = as_instance(owner if path in OWNERS else site)
    caller = wix if path.startswith("/api/v1/wix/") else CALLERS.get(path, ADMIN)
    headers = {**caller, "X-Forwarded-For": address}
    case.call_and_validate(base_url=pod.public, headers=headers, excluded_checks=list(left_out(case)))
