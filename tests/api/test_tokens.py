"""Authentication by token, over real HTTP. The key decides the algorithm, never the token."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from typing import Any
from uuid import uuid4

import jwt
import pytest

from hingecraft.settings import Secret
from support.callers import WITH_CALLERS
from support.issuer import running_issuer
from support.limits import PROGRESS
from support.pods import running_pod
from support.tokens import (
    SECRET,
    SETTINGS,
    bearer,
    claims_of,
    ec_signer,
    encoded,
    key_of_project,
    raw,
    rsa_signer,
    token_for,
)

USER = str(uuid4())
HS256 = {"alg": "HS256", "typ": "JWT"}
RSA, EC = "of-rsa", "of-ec"


@pytest.fixture
async def issuer():
    async with running_issuer(rsa_signer(RSA), ec_signer(EC)) as issuer:
        yield issuer


@pytest.fixture
async def pod(dsn, issuer):
    settings = {"auth_jwks_url": issuer.address, "trusted_proxies": "127.0.0.1", **SETTINGS}
    async with running_pod(dsn, features=WITH_CALLERS, **settings) as pod:
        yield pod


async def who(pod, token, path="members"):
    status, answer = await pod.call("GET", f"/callers/{path}", headers=bearer(token))
    return tuple(answer["data"].values()) if status == 200 else (status, answer["code"])


def soon(seconds):
    return int(time.time()) + seconds


def unsigned(algorithm, claims):
    header = {"alg": algorithm, "typ": "JWT"} if algorithm is not None else {"typ": "JWT"}
    return f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(claims).encode())}."


def with_public_key_as_secret():
    """The oldest trick: HMAC with what everybody may know of an RSA key."""
    return raw({**HS256, "kid": RSA}, claims_of(USER), rsa_signer(RSA).pem)


def tampered():
    head, body, signature = token_for(USER).split(".")
    return f"{head}.{encoded(json.dumps(claims_of(USER, role='admin')).encode())}.{signature}", f"{head}.{body}."


def with_header_text(text):
    signed = f"{encoded(text)}.{encoded(json.dumps(claims_of(USER)).encode())}"
    return f"{signed}.{encoded(hmac.digest(SECRET.encode(), signed.encode(), hashlib.sha256))}"


# What Supabase adds to the claims of a session.
SESSION: dict[str, Any] = {
    "email": "ada@example.com", "phone": "", "aal": "aal1", "amr": [{"method": "password", "timestamp": 1_790_000_000}],
    "session_id": str(uuid4()), "is_anonymous": False, "app_metadata": {"provider": "email", "providers": ["email"]},
    "user_metadata": {"email_verified": True, "role": "admin"},
}  # fmt: skip
ACCEPTED = {
    "Supabase's, by key": lambda: ec_signer(EC).token_for(USER, **SESSION),
    "Supabase's, by secret": lambda: token_for(USER, headers={"kid": "abc"}, **SESSION),
    "by secret": lambda: token_for(USER),
    "RS256": lambda: rsa_signer(RSA).token_for(USER),
    "ES256": lambda: ec_signer(EC).token_for(USER),
    "expired within the leeway": lambda: token_for(USER, exp=soon(-20)),
    "valid within the leeway": lambda: token_for(USER, nbf=soon(20)),
    "one audience of several": lambda: token_for(USER, aud=["other", "authenticated"]),
    "a fraction of a second": lambda: token_for(USER, exp=soon(60) + 0.5),
    "app_metadata that is not an object": lambda: token_for(USER, app_metadata=["admin"]),
    "8 KB": lambda: token_for(USER, padding="x" * 5700),
}


@pytest.mark.parametrize("name", ACCEPTED)
async def test_a_genuine_token_of_a_user_is_accepted(pod, name):
    token = ACCEPTED[name]()
    assert await who(pod, token) == ("user", USER)
    assert await who(pod, token) == ("user", USER), "the second time it is remembered"


INVALID = {
    "expired": lambda: token_for(USER, exp=soon(-31)),
    "not yet valid": lambda: token_for(USER, nbf=soon(40)),
    "no exp": lambda: token_for(USER, exp=None),
    "exp that is text": lambda: token_for(USER, exp=str(soon(60))),
    "exp that is true": lambda: token_for(USER, exp=True),
    "exp that is infinite": lambda: token_for(USER, exp=float("inf")),
    "exp that is not a number": lambda: token_for(USER, exp=float("nan")),
    "exp beyond every float": lambda: token_for(USER, exp=10**400),
    "nbf that is text": lambda: token_for(USER, nbf="now"),
    "other audience": lambda: token_for(USER, aud="other"),
    "no audience": lambda: token_for(USER, aud=None),
    "audience that is a number": lambda: token_for(USER, aud=1),
    "other issuer": lambda: token_for(USER, iss="https://attacker.example.com"),
    "no issuer": lambda: token_for(USER, iss=None),
    "issuer that is a list": lambda: token_for(USER, iss=["supabase"]),
    "alg none": lambda: unsigned("none", claims_of(USER)),
    "alg nOnE": lambda: unsigned("nOnE", claims_of(USER)),
    "no alg": lambda: unsigned(None, claims_of(USER)),
    "alg that is a list": lambda: raw({**HS256, "alg": ["HS256"]}, claims_of(USER)),
    "HS512 with the right secret": lambda: jwt.encode(claims_of(USER), SECRET * 2, algorithm="HS512"),
    "another secret": lambda: token_for(USER, secret=SECRET[::-1]),
    "an empty secret": lambda: token_for(USER, secret=""),
    "RSA key as secret": with_public_key_as_secret,
    "RS256 header, secret's signature": lambda: raw({"alg": "RS256", "kid": RSA}, claims_of(USER)),
    "kid of another key": lambda: rsa_signer("stranger").token_for(USER, kid=RSA),
    "kid of a key of another type": lambda: ec_signer(EC).token_for(USER, kid=RSA),
    "unknown kid": lambda: rsa_signer("stranger").token_for(USER),
    "no kid": lambda: rsa_signer(RSA).sign(claims_of(USER), {}),
    "kid that is a list": lambda: raw({"alg": "ES256", "kid": [EC]}, claims_of(USER)),
    "jku": lambda: token_for(USER, headers={"jku": "https://attacker.example.com/keys"}),
    "jwk": lambda: rsa_signer("stranger").sign(claims_of(USER), {"jwk": rsa_signer("stranger").jwk}),
    "x5u": lambda: token_for(USER, headers={"x5u": "https://attacker.example.com/cert"}),
    "crit": lambda: token_for(USER, headers={"crit": ["b64"], "b64": True}),
    "b64 false": lambda: token_for(USER, headers={"b64": False}),
    "9 KB": lambda: token_for(USER, padding="x" * 6600),
    "other claims under the signature": lambda: tampered()[0],
    "no signature": lambda: tampered()[1],
    "header that is not JSON": lambda: with_header_text(b'{"alg": "HS256"'),
    "header that is not UTF-8": lambda: with_header_text(b'{"\xff": 1}'),
    "deep header": lambda: with_header_text(b'{"alg":' + b"[" * 4000),
    "deep claims": lambda: raw_body(b"[" * 4000),
    "claims that are a list": lambda: raw(HS256, [claims_of(USER)]),
    "four parts": lambda: token_for(USER) + ".eyJ",
    "two parts": lambda: token_for(USER).rpartition(".")[0],
    "letters outside of ASCII": lambda: "eyJ\u00e4.\u00e4.\u00e4",
    "sub that is not a UUID": lambda: token_for("somebody"),
    "sub in braces": lambda: token_for("{" + USER + "}"),
    "sub that is a URN": lambda: token_for(f"urn:uuid:{USER}"),
    "sub with a newline": lambda: token_for(USER + "\n"),
    "sub that is a number": lambda: token_for(sub=7),
    "no sub": lambda: token_for(sub=None),
    "an admin without sub": lambda: token_for(role="admin", sub=None),
    "a service for another audience": lambda: token_for(role="service", aud="other"),
}


def raw_body(text):
    signed = f"{encoded(json.dumps(HS256).encode())}.{encoded(text)}"
    return f"{signed}.{encoded(hmac.digest(SECRET.encode(), signed.encode(), hashlib.sha256))}"


async def test_every_other_token_is_rejected_and_never_taken_for_a_visitor(pod):
    for number, (name, made) in enumerate(INVALID.items(), 1):
        token = made()
        # Each from an address of its own, since an address may send 30 of them in a minute.
        headers = {**bearer(token), "X-Forwarded-For": f"192.0.2.{number}"}
        for path in ("members", "shop", "admins"):
            status, answer = await pod.call("GET", f"/callers/{path}", headers=headers)
            is_jwt = token.startswith("eyJ") and token.count(".") == 2
            code = "unauthorized" if path == "admins" and not is_jwt else "invalid_token"
            assert (status, answer["code"]) == (401, code), f"{name} at {path}"


NOT_ALLOWED = {
    "anon": lambda: token_for(USER, role="anon"),
    "Supabase's anon key": lambda: raw(HS256, key_of_project("anon")),
    "no role": lambda: token_for(USER, role=None),
    "another role": lambda: token_for(USER, role="postgres"),
    "role that is a list": lambda: token_for(USER, role=["admin"]),
    "role that is a list, with app_metadata": lambda: token_for(USER, role=[], app_metadata={"role": "admin"}),
    "anon with app_metadata": lambda: token_for(USER, role="anon", app_metadata={"role": "admin"}),
    "only user_metadata": lambda: token_for(USER, role=None, user_metadata={"role": "admin"}),
}


@pytest.mark.parametrize("name", NOT_ALLOWED)
async def test_a_genuine_token_with_another_role_may_not_call(pod, name):
    assert await who(pod, NOT_ALLOWED[name]()) == (403, "role_not_allowed")


async def test_supabase_service_role_key_is_a_service(pod):
    assert await who(pod, raw(HS256, key_of_project("service_role"))) == ("service", None)


async def test_a_rotated_secret_takes_its_tokens_with_it_while_pods_run(dsn, tmp_path):
    """The old value goes on while both are there, and a remembered token does not run_forever it."""
    file, new = tmp_path / "secret", SECRET[::-1]
    file.write_text(SECRET)
    settings = {**SETTINGS, "auth_jwt_secret": Secret(path=file)}
    async with (
        running_pod(dsn, features=WITH_CALLERS, **settings) as one,
        running_pod(dsn, features=WITH_CALLERS, **{**settings, "auth_jwt_secret": Secret(path=file)}) as other,
    ):
        old_token, new_token = token_for(USER), token_for(USER, secret=new)
        for pod in (one, other):
            assert await who(pod, old_token) == ("user", USER)
            assert await who(pod, new_token) == (401, "invalid_token")
        file.write_text(f"{new},{SECRET}")
        for pod in (one, other):
            await until(pod, new_token, ("user", USER))
            assert await who(pod, old_token) == ("user", USER)
        file.write_text(new)
        for pod in (one, other):
            await until(pod, old_token, (401, "invalid_token"))
            assert await who(pod, new_token) == ("user", USER)


async def test_a_file_with_a_weak_secret_verifies_nothing(dsn, tmp_path):
    """A running pod does not stop for a mistake in a mounted secret, and does not believe it either."""
    file = tmp_path / "secret"
    file.write_text(SECRET)
    async with running_pod(dsn, features=WITH_CALLERS, **{**SETTINGS, "auth_jwt_secret": Secret(path=file)}) as pod:
        assert await who(pod, token_for(USER)) == ("user", USER)
        for weak in ("short-secret", rsa_signer(RSA).pem.decode().replace("\n", " ")):
            file.write_text(weak)
            await until(pod, token_for(USER), (401, "invalid_token"))
            assert await who(pod, token_for(USER, secret=weak.strip())) == (401, "invalid_token")


async def until(pod, token, expected):
    async with asyncio.timeout(PROGRESS):
        while await who(pod, token) != expected:
            await asyncio.sleep(0.05)
