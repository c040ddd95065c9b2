"""Instance tokens: what an owner's token must be, and each way in which another one is rejected."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from hingecraft.settings import Secret
from hingecraft.wix_app.errors import ExpiredInstanceError, InvalidInstanceError
from hingecraft.wix_app.instances.local import LocalCheck, signature_of
from support import wix
from support.tokens import encoded

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
SITE = uuid4()
CHECK = LocalCheck(wix.APP_ID, Secret(wix.APP_SECRET))


def fields(**more):
    return wix.fields_of(SITE, at=NOW - timedelta(minutes=1), **more)


def verified(token, now=NOW):
    return CHECK.verified_at(token, now)


def milliseconds(moment):
    return int(moment.timestamp() * 1000)


def test_an_owners_token_names_the_site():
    origin = uuid4()
    found = verified(wix.signed(fields(originInstanceId=str(origin))))
    assert (found.instance_id, found.origin_instance_id) == (SITE, origin)
    assert found.signed_at == NOW - timedelta(minutes=1)
    assert found.may_write(NOW)


def test_both_secrets_verify_while_the_secret_is_rotated():
    check = LocalCheck(wix.APP_ID, Secret(f"the-new-secret-of-the-app, {wix.APP_SECRET}"))
    for secret in ("the-new-secret-of-the-app", wix.APP_SECRET):
        assert check.verified_at(wix.signed(fields(), secret), NOW).instance_id == SITE
    with pytest.raises(InvalidInstanceError):
        check.verified_at(wix.signed(fields(), "a-secret-from-before-it"), NOW)


@pytest.mark.parametrize("as_text", [True, False])
def test_times_may_be_milliseconds(as_text):
    signed_at = milliseconds(NOW - timedelta(hours=2))
    token = wix.signed(fields(signDate=str(signed_at) if as_text else signed_at, expirationDate=None))
    assert verified(token).signed_at == NOW - timedelta(hours=2)


def test_an_app_id_may_be_written_in_capitals_or_left_out():
    assert verified(wix.signed(fields(appDefId=wix.APP_ID.upper()))).instance_id == SITE
    assert verified(wix.signed(fields(appDefId=None))).instance_id == SITE


@pytest.mark.parametrize(
    "more",
    [
        {"appDefId": str(uuid4())}, {"appDefId": 7}, {"aid": str(uuid4())}, {"aid": ""}, {"permissions": None},
        {"permissions": "owner"}, {"permissions": ["OWNER"]}, {"instanceId": None}, {"instanceId": "7"},
        {"instanceId": 7}, {"signDate": "yesterday"}, {"signDate": True}, {"signDate": 10**30},
        {"expirationDate": []}, {"signDate": None, "expirationDate": None},
        {"signDate": wix.iso(NOW + timedelta(hours=1))},
        # A visitor's token of the owner's own instance.
        {"aid": str(uuid4()), "uid": None, "permissions": None},
    ],
)  # fmt: skip
def test_a_token_of_somebody_else_is_invalid(more):
    with pytest.raises(InvalidInstanceError):
        verified(wix.signed(fields(**more)))


def test_a_token_that_has_ended_is_not_accepted():
    token = wix.signed(fields())
    assert verified(token, NOW + timedelta(hours=3, minutes=58)).instance_id == SITE
    with pytest.raises(ExpiredInstanceError):
        verified(token, NOW + timedelta(hours=3, minutes=59))


def test_a_token_without_an_end_may_read_for_a_week_and_write_for_a_day():
    token = wix.signed(fields(expirationDate=None))
    assert verified(token, NOW + timedelta(hours=23)).may_write(NOW + timedelta(hours=23))
    late = NOW + timedelta(days=1)
    assert not verified(token, late).may_write(late)
    assert verified(token, NOW + timedelta(days=6, hours=23)).instance_id == SITE
    with pytest.raises(ExpiredInstanceError):
        verified(token, NOW + timedelta(days=7))


def test_a_token_without_a_time_of_signing_may_not_write():
    token = wix.signed(fields(signDate=None))
    assert not verified(token).may_write(NOW)


def forged():
    good = wix.signed(fields())
    signature, data = good.split(".")
    last = "Q" if signature.endswith("A") else "A"
    other = encoded(json.dumps(fields(instanceId=str(uuid4()))).encode())
    yield from (
        "", ".", "a.b", signature, data, f"{signature}.", f".{data}", f"{good}.{data}", f"{good}=", f" {good}",
        good[:-1], good[1:], f"{signature}.{other}", f"{signature[:-1]}{last}.{data}", f"{data}.{signature}",
        f"{encoded(b'0' * 32)}.{data}", good.replace(".", "é."), "OauthNG.JWS.a.b.c",
    )  # fmt: skip
    # What is signed and yet holds no fields.
    for text in (b"[]", b"null", b'"text"', b"{", b"\xff", b"[" * 5000):
        yield f"{signature_of(encoded(text), wix.APP_SECRET)}.{encoded(text)}"
    yield wix.signed(fields(), "the-secret-of-another-app")
    yield wix.signed(fields(padding="x" * 8192))


@pytest.mark.parametrize("token", [pytest.param(token, id=str(number)) for number, token in enumerate(forged())])
def test_what_is_forged_or_cut_is_invalid(token):
    with pytest.raises(InvalidInstanceError):
        verified(token)
