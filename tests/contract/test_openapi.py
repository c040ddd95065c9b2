"""Schemathesis makes requests from the document, right and wrong ones, and holds the answers against it."""

from __future__ import annotations

import json
from ipaddress import IPv4Network

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from support.generated import openapi
from support.pods import ADMIN
from support.processes import ApiProcess

ADDRESSES = IPv4Network("10.0.0.0/8").hosts()
schema = schemathesis.openapi.from_dict(json.loads(openapi()))


# Whether a request is right also hangs on the data: a currency's bounds, a key not used before, a signature.
DATA_DECIDE = {
    "/mission-support/micro-payment",
    "/mission-support/other", "/charter/generate-payment", "/prefill/{id}", "/admin/payments",
    "/admin/payments/{id}/confirm", "/admin/settlements/{id}/correct", "/webhooks/stripe", "/webhooks/nowpayments",
}  # fmt: skip


@pytest.mark.timeout(600)
@schema.parametrize()
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_pod_keeps_to_its_document(case, pod: ApiProcess):
    without = [positive_data_acceptance] if case.operation.path in DATA_DECIDE else []
    # Each from an address of its own: the wrong tokens that are tried would make one address wait.
    address = str(next(ADDRESSES))
    headers = {**ADMIN, "X-Forwarded-For": address}
    case.call_and_validate(base_url=pod.public, headers=headers, excluded_checks=without)
