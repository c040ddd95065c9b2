"""The issuer's keys: rotated, unknown, and behind an address that hangs, fails or answers something else."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from uuid import uuid4

import aiohttp
import pytest

from hingecraft.identity import key_set
from hingecraft.identity.errors import AuthUnavailableError
from hingecraft.identity.key_set import KeySet
from hingecraft.proxies import Proxies
from support import issuer as issuers
from support.callers import WITH_CALLERS
from support.issuer import running_issuer
from support.limits import PROGRESS
from support.pods import running_pod
from support.tokens import SETTINGS, bearer, ec_signer, rsa_signer, token_for

USER = str(uuid4())
FIRST, SECOND = ec_signer("first"), rsa_signer("second")
MISBEHAVIOUR = [
    issuers.hangs, issuers.drips, issuers.garbage, issuers.nested, issuers.no_list, issuers.megabyte, issuers.fails,
    issuers.leads_elsewhere,
]  # fmt: skip


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """No test goes on for as long as this, so what is asked only once stays at once on a slow machine."""
    monkeypatch.setattr(key_set, "_PAUSE_AFTER_FAILURE", 600.0)


@pytest.fixture
async def issuer():
    async with running_issuer(FIRST) as issuer:
        yield issuer


@pytest.fixture
async def pod(dsn, issuer):
    async with running_pod(dsn, features=WITH_CALLERS, auth_jwks_url=issuer.address, **SETTINGS) as pod:
        yield pod


async def who(pod, token):
    status, answer = await pod.call("GET", "/callers/members", headers=bearer(token))
    return tuple(answer["data"].values()) if status == 200 else (status, answer["code"])


async def test_all_callers_that_wait_share_one_request(pod, issuer):
    assert issuer.fetches == 0, "a pod that nobody calls asks for nothing"
    tokens = [FIRST.token_for(USER) for _ in range(50)]
    assert await asyncio.gather(*(who(pod, token) for token in tokens)) == [("user", USER)] * 50
    assert issuer.fetches == 1


async def test_a_caller_that_hangs_up_does_not_end_the_request_of_the_others(pod, issuer):
    answering = asyncio.Event()

    async def slow(_issuer, _request):
        await answering.wait()
        return issuer.answer()

    issuer.misbehave = slow
    first, second = (asyncio.create_task(who(pod, FIRST.token_for(USER))) for _ in range(2))
    async with asyncio.timeout(PROGRESS):
        while not issuer.fetches:
            await asyncio.sleep(0.01)
    first.cancel()
    answering.set()
    assert await second == ("user", USER)
    assert issuer.fetches == 1


async def test_a_new_key_is_found_by_its_name_at_once(pod, issuer):
    assert await who(pod, FIRST.token_for(USER)) == ("user", USER)
    issuer.signers.append(SECOND)
    assert await asyncio.gather(*(who(pod, SECOND.token_for(USER)) for _ in range(20))) == [("user", USER)] * 20
    assert issuer.fetches == 2
    assert await who(pod, FIRST.token_for(USER)) == ("user", USER)


async def test_unknown_keys_are_asked_for_once_in_half_a_minute(pod, issuer):
    """Anybody can make up a name: that must not become a flood of requests to the issuer."""
    assert await who(pod, FIRST.token_for(USER)) == ("user", USER)
    for number in range(10):
        assert await who(pod, FIRST.token_for(USER, kid=f"made-up-{number}")) == (401, "invalid_token")
    assert issuer.fetches == 2


async def test_a_withdrawn_key_takes_its_remembered_tokens_with_it(pod, issuer, monkeypatch):
    token = FIRST.token_for(USER)
    assert [await who(pod, token) for _ in range(2)] == [("user", USER)] * 2
    issuer.signers = [SECOND]
    monkeypatch.setattr(key_set, "FRESH_FOR", 0.0)
    assert await who(pod, token) == (401, "invalid_token")
    assert await who(pod, SECOND.token_for(USER)) == ("user", USER)


@pytest.mark.parametrize("misbehaviour", MISBEHAVIOUR, ids=lambda each: each.__name__)
async def test_without_keys_callers_are_told_to_come_back_and_others_are_served(pod, issuer, monkeypatch, misbehaviour):
    monkeypatch.setattr(key_set, "_ANSWERS_WITHIN", 0.3)
    issuer.misbehave = misbehaviour
    token = FIRST.token_for(USER)
    assert await asyncio.gather(*(who(pod, token) for _ in range(10))) == [(503, "auth_unavailable")] * 10
    async with pod.client.get(pod.public + "/callers/members", headers=bearer(token)) as response:
        assert (response.status, response.headers["Retry-After"]) == (503, "5")
    assert issuer.fetches == 1, "it is not asked again for a moment"
    assert issuer.elsewhere == 0
    assert await who(pod, token_for(USER)) == ("user", USER), "a token by secret needs no keys"
    async with pod.client.get(pod.public + "/routes") as response:
        assert response.status == 200
    issuer.misbehave = None
    monkeypatch.setattr(key_set, "_ANSWERS_WITHIN", PROGRESS)
    monkeypatch.setattr(pod.pod.tokens._keys, "_retry_at", 0.0)
    assert await who(pod, token) == ("user", USER)


@pytest.mark.parametrize("misbehaviour", MISBEHAVIOUR, ids=lambda each: each.__name__)
async def test_the_earlier_keys_are_used_while_the_address_does_not_answer(pod, issuer, monkeypatch, misbehaviour):
    monkeypatch.setattr(key_set, "_ANSWERS_WITHIN", 0.3)
    remembered = FIRST.token_for(USER)
    assert await who(pod, remembered) == ("user", USER)
    issuer.misbehave = misbehaviour
    monkeypatch.setattr(key_set, "FRESH_FOR", 0.0)
    for token in (remembered, FIRST.token_for(USER)):
        assert await who(pod, token) == ("user", USER)
    assert issuer.fetches == 2, "it is asked once more, and then not for half a minute"
    assert issuer.elsewhere == 0
    async with pod.client.get(pod.internal + "/metrics") as response:
        text = await response.text()
    assert 'hingecraft_key_set_fetches_total{outcome="failed"} 1.0' in text
    assert 'hingecraft_key_set_fetches_total{outcome="done"} 1.0' in text


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@asynccontextmanager
async def key_set_of(issuer):
    clock = Clock()
    keys = KeySet(issuer.address, Proxies(), clock=clock)
    try:
        yield keys, clock
    finally:
        await keys.close()


async def test_keys_are_fetched_every_ten_minutes(issuer):
    async with key_set_of(issuer) as (keys, clock):
        for fetches in (1, 1, 2, 2, 3):
            assert await keys.find("first", "ES256")
            assert issuer.fetches == fetches
            clock.now += 300


async def test_unknown_keys_are_asked_for_again_after_half_a_minute(issuer):
    async with key_set_of(issuer) as (keys, clock):
        await keys.current()
        for seconds, fetches in ((0, 2), (29, 2), (1, 3), (1, 3)):
            clock.now += seconds
            assert await keys.find("made-up", "ES256") is None
            assert issuer.fetches == fetches


async def test_keys_are_used_for_a_day_and_no_longer(issuer):
    async with key_set_of(issuer) as (keys, clock):
        await keys.current()
        issuer.misbehave = issuers.fails
        for _ in range(23):
            clock.now += 3600
            assert await keys.find("first", "ES256")
        clock.now += 3600
        with pytest.raises(AuthUnavailableError):
            await keys.find("first", "ES256")
        issuer.misbehave = None
        clock.now += 60
        assert await keys.find("first", "ES256")


async def test_nobody_waits_twice_for_an_address_that_hangs(issuer, monkeypatch):
    async with key_set_of(issuer) as (keys, clock):
        await keys.current()
        monkeypatch.setattr(key_set, "_ANSWERS_WITHIN", 0.3)
        issuer.misbehave = issuers.hangs
        clock.now += key_set.FRESH_FOR
        await keys.current()
        monkeypatch.setattr(key_set, "_ANSWERS_WITHIN", 10 * PROGRESS)
        clock.now += 31
        async with asyncio.timeout(PROGRESS):
            for _ in range(100):
                # The request to the issuer goes on meanwhile, for longer than this test waits.
                assert await keys.find("first", "ES256")
            while issuer.fetches < 3:
                await asyncio.sleep(0.01)


async def test_only_public_keys_for_signatures_by_rs256_and_es256_are_used(issuer):
    good, rsa = FIRST.jwk, SECOND.jwk
    listed = {
        "plain": {name: good[name] for name in ("kty", "crv", "x", "y")},
        "for encryption": {**good, "use": "enc"},
        "other algorithm": {**rsa, "alg": "RS512"},
        "not for verifying": {**good, "key_ops": ["sign"]},
        "for verifying": {**rsa, "key_ops": ["verify"]},
        "short": rsa_signer("short", 1024).jwk,
        "other curve": ec_signer("other", "P-384").jwk,
        "secret": {"kty": "oct", "k": "c2VjcmV0" * 8, "alg": "HS256"},
        "not on the curve": {**good, "x": good["y"]},
        "incomplete": {"kty": "RSA", "n": rsa["n"]},
        "numbers": {"kty": 1, "crv": [], "n": 2},
        "": {**good},
    }
    keys = [{**jwk, "kid": kid} for kid, jwk in listed.items()]
    issuer.answer = lambda: aiohttp.web.json_response({"keys": [*keys, {**good, "kid": 7}, "text", None]})
    async with key_set_of(issuer) as (found, _clock):
        assert {kid for kid, _algorithm in await found.current()} == {"plain", "for verifying", ""}


async def test_a_set_without_any_key_verifies_nothing(issuer):
    """An issuer that has withdrawn all its keys means it."""
    issuer.signers = []
    async with key_set_of(issuer) as (keys, _clock):
        assert await keys.find("first", "ES256") is None


async def test_an_unchanged_key_stays_the_same_object(issuer):
    """So that the tokens that it has verified need not be verified again every ten minutes."""
    async with key_set_of(issuer) as (keys, clock):
        before = await keys.find("first", "ES256")
        clock.now += 601
        assert await keys.holds(before)
        assert issuer.fetches == 2
