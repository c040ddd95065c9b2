"""Reports of errors as Sentry receives them over HTTP: the kind and the place, and nothing of a person or a secret."""

from __future__ import annotations

import logging
import subprocess
import sys
from uuid import UUID

import pytest
import sentry_sdk

from hingecraft import __version__
from hingecraft.observability.sentry import start_sentry
from hingecraft.settings import Secret
from support.sentry import taking_reports

log = logging.getLogger("hingecraft.somewhere")

NAME, EMAIL = "Alex Example", "alex@example.com"
PASSWORD = "hunter22"
CLIENT_SECRET = "pi_3ABC_secret_hCTj7"
DSN = f"postgresql://app:{PASSWORD}@db.example.com:5432/shop"
TOKEN = "eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl"
OURS = "the-admin-token"
TOLD = (NAME, EMAIL, CLIENT_SECRET, DSN, PASSWORD, TOKEN, OURS)
PAYMENT = UUID("3c1de0de-58f0-4a6d-a6a7-6d1b2c3d4e5f")


class BrokenError(Exception):
    pass


@pytest.fixture
def sentry():
    with taking_reports() as taken:
        start_sentry(taken.dsn, "api", [Secret(OURS)])
        yield taken
        sentry_sdk.get_client().close()
        sentry_sdk.get_global_scope().set_client(None)


def sent(sentry):
    """The one event; whatever else was sent holds nothing of a person either."""
    sentry_sdk.flush(10)
    (event,) = sentry.until(1)
    for each in TOLD:
        assert each not in sentry.text
    return event


def broken(donor: str) -> None:
    address, secrets = EMAIL, {"client_secret": CLIENT_SECRET, "dsn": DSN, "token": TOKEN, "admin": OURS}
    error = BrokenError(f"{donor} <{address}> has {secrets}")
    error.add_note(f"while {donor} was asked")
    raise error


def test_type_place_release_and_request_are_sent_and_no_data(sentry):
    log.info("asked by %s", NAME, extra={"email": EMAIL})
    try:
        broken(NAME)
    except BrokenError:
        extra = {"request_id": "r-1", "route": "POST /charter/generate-payment", "donor": NAME, "body": TOLD}
        log.exception("%s of %s failed", PAYMENT, NAME, extra=extra)
    event = sent(sentry)
    (exception,) = event["exception"]["values"]
    assert (exception["type"], exception["module"]) == ("BrokenError", __name__)
    assert "value" not in exception
    assert [frame["function"] for frame in exception["stacktrace"]["frames"]][-1] == "broken"
    assert all("vars" not in frame for frame in exception["stacktrace"]["frames"])
    assert event["release"] == f"hingecraft@{__version__}"
    assert (event["server_name"], event["level"]) == ("api", "error")
    assert event["transaction"] == "POST /charter/generate-payment"
    assert event["tags"] == {"request_id": "r-1"}
    assert event["logentry"]["formatted"] == f"{PAYMENT} of *** failed"


def test_the_causes_of_an_exception_are_sent_by_type(sentry):
    try:
        try:
            broken(NAME)
        except BrokenError as error:
            raise ValueError(EMAIL) from error
    except ValueError:
        log.exception("failed")
    event = sent(sentry)
    assert [each["type"] for each in event["exception"]["values"]] == ["BrokenError", "ValueError"]


def test_an_error_without_an_exception_keeps_its_sentence(sentry):
    log.error("payment %s was paid by %s after %d days", PAYMENT, EMAIL, 3)
    assert sent(sentry)["logentry"]["formatted"] == f"payment {PAYMENT} was paid by *** after 3 days"


def test_a_library_that_fills_in_its_line_itself_is_only_named(sentry):
    line = f"Task exception was never retrieved: {NAME} {CLIENT_SECRET}"
    logging.getLogger("asyncio").error(line)
    event = sent(sentry)
    assert (event["logger"], event["logentry"]["formatted"]) == ("asyncio", "see the log of asyncio")


def test_what_is_attached_to_the_scope_stays_here(sentry):
    """As an integration of the library would attach it: request, user, breadcrumbs and contexts."""
    with sentry_sdk.new_scope() as scope:
        scope.set_user({"email": EMAIL, "username": NAME, "ip_address": "192.0.2.7"})
        scope.set_context("request", {"query": f"email={EMAIL}", "cookies": TOKEN, "headers": {"Authorization": OURS}})
        scope.set_extra("body", {"name": NAME, "clientSecret": CLIENT_SECRET})
        scope.set_tag("donor", NAME)
        scope.set_transaction_name(f"/prefill/{CLIENT_SECRET}")
        scope.add_breadcrumb(message=f"asked {DSN}", data={"name": NAME})
        log.error("failed")
    event = sent(sentry)
    assert event.keys() == {
        "event_id", "timestamp", "level", "platform", "logger", "release", "environment", "server_name", "sdk",
        "logentry", "tags",
    }  # fmt: skip
    assert "192.0.2.7" not in sentry.text


def test_what_is_captured_without_a_line_in_the_log_is_treated_alike(sentry):
    try:
        broken(NAME)
    except BrokenError as error:
        sentry_sdk.capture_exception(error)
    assert sent(sentry)["exception"]["values"][0]["type"] == "BrokenError"


def test_nothing_is_patched_that_calls_others(sentry):
    """Integrations would add headers to calls of providers and collect what passes there."""
    names = set(sentry_sdk.get_client().integrations)
    assert names == {"logging", "atexit", "dedupe", "excepthook", "threading"}


def test_without_a_dsn_nothing_is_started():
    start_sentry("", "test", [])
    assert not sentry_sdk.get_client().is_active()


def test_without_a_dsn_the_library_is_not_even_imported():
    asked = (
        "import sys; from hingecraft.observability.sentry import start_sentry; "
        "start_sentry('', 'api', []); print('sentry_sdk' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
