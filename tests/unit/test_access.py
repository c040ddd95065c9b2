"""CORS and the reference follow from what each endpoint declares, also for calls that the product does not have yet."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from hingecraft.identity.principal import Kind
from hingecraft.settings import DsnSecret
from hingecraft_api.access.credentials import CREDENTIALS
from hingecraft_api.access.guards import Guards
from hingecraft_api.app import PUBLIC_ENDPOINTS, build_pod
from hingecraft_api.handlers.webhooks import ReceivedAnswer
from hingecraft_api.reference.openapi import document_of
from hingecraft_api.reference.page import page_of
from hingecraft_api.web.cors import exposed_headers, preflight_headers
from hingecraft_api.web.endpoint import Endpoint
from support.pods import settings_of


def endpoint(**more):
    declared = {"method": "PUT", "path": "/demo", "handler": None, "summary": "Demo", "tag": "Operations", **more}
    return Endpoint(**declared)


def listed(header):
    return header.split(", ")


def operation(**more):
    document = document_of([endpoint(**more)])
    return document["paths"]["/demo"]["put"], document["components"]["securitySchemes"]


def test_browsers_may_send_what_the_endpoints_take():
    asked = preflight_headers([endpoint(access=(Kind.ENGINE,), headers={"X-Demo": {"description": "a header"}})])
    assert listed(asked["Access-Control-Allow-Methods"]) == ["OPTIONS", "PUT"]
    expected = {*CREDENTIALS[Kind.ENGINE].headers, "X-Demo", "X-Request-ID", "traceparent", "tracestate"}
    assert set(listed(asked["Access-Control-Allow-Headers"])) == expected


def test_browsers_may_send_and_read_what_they_always_could():
    asked = preflight_headers(PUBLIC_ENDPOINTS)
    methods = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
    assert set(listed(asked["Access-Control-Allow-Methods"])) == methods
    assert set(listed(asked["Access-Control-Allow-Headers"])) >= {
        "Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "X-HC-Page-Load", "X-HC-Visitor",
        "X-Request-ID",
    }  # fmt: skip
    assert set(listed(exposed_headers(PUBLIC_ENDPOINTS))) >= {
        "ETag", "Idempotency-Replayed", "Retry-After", "X-Request-ID", "X-Routes-Age", "X-Routes-Version",
    }  # fmt: skip


def test_signatures_of_providers_are_nothing_for_browsers():
    assert "ignature" not in preflight_headers(PUBLIC_ENDPOINTS)["Access-Control-Allow-Headers"]


def test_the_reference_says_how_each_kind_of_caller_proves_who_it_is():
    described, schemes = operation(access=(Kind.ENGINE, Kind.ADMIN))
    assert described["security"] == [{"engine": []}, {"admin": []}]
    assert set(schemes) == {"engine", "admin"}
    assert described["responses"]["401"]["description"] == (
        "The signature is missing, wrong or stale. The admin token is missing or wrong."
    )


def codes(described, status):
    content = described["responses"][status]["content"]["application/json"]
    return content["schema"]["allOf"][1]["properties"]["code"]["enum"]


def test_the_reference_lists_what_members_are_answered():
    described, schemes = operation(access=(Kind.USER, Kind.SERVICE, Kind.ADMIN))
    assert described["security"] == [{"user": []}, {"service": []}, {"admin": []}]
    assert {name: each["scheme"] for name, each in schemes.items()} == dict.fromkeys(
        ("user", "service", "admin"), "bearer"
    )
    assert codes(described, "401") == ["invalid_token", "missing_token"]
    assert codes(described, "403") == ["role_not_allowed"]
    assert codes(described, "503") == ["auth_unavailable", "members_disabled"]


def test_calls_for_admins_keep_the_code_that_they_always_had():
    described, _ = operation(access=(Kind.ADMIN,))
    assert codes(described, "401") == ["invalid_token", "unauthorized"]


def test_where_a_caller_may_prove_nothing_only_a_wrong_token_is_rejected():
    described, _ = operation(access=(Kind.ADMIN, Kind.VISITOR))
    assert described["security"] == [{"admin": []}, {}]
    assert codes(described, "401") == ["invalid_token"]
    described, schemes = operation()
    assert "security" not in described
    assert schemes == {}


def test_every_kind_that_is_let_in_has_a_credential():
    pod = build_pod(settings_of(DsnSecret("postgresql://127.0.0.1/none")), CollectorRegistry())
    assert Guards(pod.settings, pod.rejected_calls).kinds == CREDENTIALS.keys()


@pytest.mark.parametrize(("status", "text"), [(201, "Created."), (202, "Accepted. It is done after the answer.")])
def test_the_reference_has_the_status_that_is_declared(status, text):
    described, _ = operation(answer=ReceivedAnswer, status=status)
    assert "200" not in described["responses"]
    assert described["responses"][str(status)]["description"] == text
    assert "content" in described["responses"][str(status)]


def test_the_page_shows_the_answer_of_a_call_that_creates():
    page = page_of(document_of([endpoint(answer=ReceivedAnswer, status=201)]))
    assert '<code class="name">received</code>' in page
