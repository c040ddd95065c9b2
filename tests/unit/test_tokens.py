"""Tokens: which are remembered and for how long, and no input makes the verification fail with another error."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hingecraft.identity import tokens as module
from hingecraft.identity.errors import InvalidTokenError, RoleNotAllowedError
from hingecraft.identity.principal import Principal
from hingecraft.identity.settings import AuthSettings
from hingecraft.identity.tokens import Tokens
from hingecraft.settings import Secret
from support.limits import PROGRESS
from support.tokens import SECRET, claims_of, raw, token_for

# Any JSON, not only what an issuer writes.
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
HEADERS = st.dictionaries(st.sampled_from(["alg", "typ", "kid", "b64", "crit", "jku", "x5c"]), JSON)
CLAIMS = st.dictionaries(st.sampled_from(["exp", "nbf", "iss", "aud", "role", "sub", "app_metadata"]), JSON)


@pytest.fixture
def tokens():
    return Tokens(AuthSettings(auth_jwt_secret=Secret(SECRET)))


def outcome(tokens, token):
    """The caller, or the error that the caller is answered; any other error fails the test."""
    try:
        return asyncio.run(tokens.principal_of(token))
    except (InvalidTokenError, RoleNotAllowedError) as error:
        return error


@settings(max_examples=300)
@given(header=HEADERS, claims=CLAIMS)
def test_whatever_is_signed_is_accepted_or_rejected_with_a_sentence(header, claims):
    tokens = Tokens(AuthSettings(auth_jwt_secret=Secret(SECRET)))
    outcome(tokens, raw({"alg": "HS256", **header}, {**claims_of(), **claims}))


@settings(max_examples=300)
@given(token=st.text(max_size=64) | st.from_regex(r"eyJ[\w-]{0,40}\.[\w=.-]{0,40}\.[\w-]{0,40}", fullmatch=True))
def test_whatever_is_not_signed_is_rejected(token):
    tokens = Tokens(AuthSettings(auth_jwt_secret=Secret(SECRET)))
    assert isinstance(outcome(tokens, token), InvalidTokenError)


def test_no_more_tokens_are_remembered_than_fit(tokens, monkeypatch):
    monkeypatch.setattr(module, "REMEMBERED", 100)
    for _ in range(350):
        assert isinstance(outcome(tokens, token_for()), Principal)
        assert len(tokens._verified) <= 100


def test_expired_tokens_make_room_before_others_do(tokens, monkeypatch):
    monkeypatch.setattr(module, "REMEMBERED", 10)
    lasting = [token_for() for _ in range(5)]
    for token in lasting:
        outcome(tokens, token)
    for _ in range(5):
        outcome(tokens, token_for(exp=1_000))
        outcome(tokens, token_for(exp=claims_of()["iat"] - 10))
    outcome(tokens, token_for())
    assert len(tokens._verified) == 6


def test_a_remembered_token_is_not_accepted_beyond_its_time(tokens, monkeypatch):
    token = token_for()
    assert isinstance(outcome(tokens, token), Principal)

    class Later:
        @staticmethod
        def time():
            return claims_of()["exp"] + 31

    monkeypatch.setattr(module, "time", Later)
    assert isinstance(outcome(tokens, token), InvalidTokenError)


def test_one_user_has_one_name_however_the_issuer_writes_it(tokens):
    user = str(uuid4())
    assert outcome(tokens, token_for(user.upper())) == outcome(tokens, token_for(user))


def test_a_pod_that_serves_no_members_loads_nothing_that_it_does_not_need():
    """Cryptography takes 20 MB; requests and click an eighth of the start."""
    program = """
import sys
from prometheus_client import CollectorRegistry
from hingecraft.settings import DsnSecret
from hingecraft_api.app import build_pod, public_app
from hingecraft_api.settings import ApiSettings
settings = ApiSettings(database_url=DsnSecret("postgresql://127.0.0.1/none"), admin_token="an-admin-token",
    push_secret="a-push-secret", visitor_secret="a-visitor-secret", site_url="https://www.example.com")
public_app(build_pod(settings, CollectorRegistry()))
sys.exit(" ".join(sorted({"jwt", "cryptography", "requests", "click"} & set(sys.modules))) or None)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=PROGRESS)
