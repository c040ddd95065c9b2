"""Plan sessions over HTTP: a visitor's choice is kept for 15 minutes, in a cookie and as a token, and used once."""

from __future__ import annotations

import asyncio
import json
import time
from base64 import urlsafe_b64decode
from datetime import UTC, datetime
from http.cookies import SimpleCookie
from typing import Any
from uuid import uuid4

import aiohttp
import asyncpg
import pytest

from hingecraft.credits import plan_sessions
from hingecraft.credits.model import PlanSession
from hingecraft.db.connection import Database
from hingecraft.errors import ConflictError
from support.lock_waits import until_waiting
from support.pods import SITE_URL, running_pod
from support.tokens import raw

PATH = "/api/v1/plan-session"
SECRET, OLD = "a plan session secret of at least 32 characters", "the plan session secret that came before it"
CHOICE = {"priceId": "price_PRO_MONTHLY", "planType": "vision_pro", "metadata": {"campaign": "autumn"}}
OPEN = """
INSERT INTO payments (id, amount, currency, price_currency, status, source, purpose)
VALUES ($1, 5, 'USD', 'USD', $2, 'checkout', 'credits')
"""


@pytest.fixture
async def pod(dsn):
    async with running_pod(dsn, jwt_secret=f"{SECRET},{OLD}", cors_origins=[SITE_URL]) as pod:
        yield pod


def claims(**more):
    now = int(time.time())
    told = {
        "iss": "hingecraft", "aud": "payment-flow", "jti": str(uuid4()), "iat": now, "exp": now + 900, **CHOICE, **more,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def token(secret=SECRET, header=None, **more):
    return raw(header or {"alg": "HS256", "typ": "JWT"}, claims(**more), secret.encode())


def sends(sent):
    return {"Authorization": f"PlanSession {sent}"}


def payload_of(sent):
    part = sent.split(".")[1]
    return json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))


async def keep(pod, **more):
    async with aiohttp.ClientSession() as fresh, fresh.post(pod.public + PATH, json={**CHOICE, **more}) as response:
        return response, await response.json()


async def test_a_choice_is_signed_and_kept_in_a_cookie_for_fifteen_minutes(pod):
    response, answer = await keep(pod)
    assert response.status == 200
    assert response.headers["Cache-Control"] == "no-store"
    cookie = SimpleCookie(response.headers["Set-Cookie"])["plan_session"]
    assert cookie.value == answer["data"]["token"]
    assert (cookie["httponly"], cookie["secure"], cookie["samesite"], cookie["path"]) == (True, True, "Lax", "/")
    assert (cookie["max-age"], cookie["domain"]) == ("900", "")
    inside = payload_of(cookie.value)
    assert inside["exp"] - inside["iat"] == 900
    assert {name: inside[name] for name in (*CHOICE, "iss", "aud")} == {
        **CHOICE, "iss": "hingecraft", "aud": "payment-flow",
    }  # fmt: skip
    expires = datetime.fromtimestamp(inside["exp"], UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert answer["data"] == {"token": cookie.value, "planType": "vision_pro", "expiresAt": expires}


async def test_it_is_read_by_cookie_or_header_and_the_header_counts(pod):
    _, first = await keep(pod)
    _, second = await keep(pod, planType="other")
    cookie = {"Cookie": f"plan_session={first['data']['token']}"}
    status, answer = await pod.call("GET", PATH, headers=cookie)
    assert status == 200
    assert answer["data"] == {**CHOICE, "expiresAt": first["data"]["expiresAt"]}
    _, answer = await pod.call("GET", PATH, headers={**cookie, **sends(second["data"]["token"])})
    assert answer["data"]["planType"] == "other"


@pytest.mark.parametrize(
    "sent",
    [
        "", "x", "a.b.c", "é.é.é", "." * 5000,
        token(exp=int(time.time()) - 1), token(exp=None), token(exp="9999999999"), token(exp=int(time.time()) + 86_400),
        token(iss="other"), token(aud="authenticated"), token(jti=None), token(jti="x" * 201), token(priceId=7),
        token(metadata=None), token(metadata={"a": 1}), token(secret="another secret of at least 32 characters!"),
        token(header={"alg": "none", "typ": "JWT"}), token(header={"alg": "HS512", "typ": "JWT"}),
        raw({"alg": "HS256"}, ["no", "object"], SECRET.encode()),
    ],
)  # fmt: skip
async def test_a_forged_expired_or_missing_one_is_not_there(pod, sent):
    for headers in ({}, sends(sent) if sent.isascii() else {}, {"Cookie": f"plan_session={sent.encode().hex()}"}):
        status, answer = await pod.call("GET", PATH, headers=headers)
        assert (status, answer["code"]) == (404, "no_plan_session")


async def test_a_changed_one_is_not_there(pod):
    _, kept = await keep(pod)
    head, body, signature = kept["data"]["token"].split(".")
    other = raw({"alg": "HS256", "typ": "JWT"}, claims(planType="more"), b"x").split(".")[1]
    # Of the last character of base64 some bits count for nothing.
    forged = ("A" if signature[0] != "A" else "B") + signature[1:]
    for changed in (f"{head}.{other}.{signature}", f"{head}.{body}.{forged}", f"{head}.{body}."):
        status, _ = await pod.call("GET", PATH, headers=sends(changed))
        assert status == 404


async def test_both_values_of_a_rotated_secret_verify_and_the_newest_signs(pod, dsn):
    status, _ = await pod.call("GET", PATH, headers=sends(token(OLD)))
    assert status == 200
    _, kept = await keep(pod)
    async with running_pod(dsn, jwt_secret=SECRET) as later:
        status, _ = await later.call("GET", PATH, headers=sends(kept["data"]["token"]))
        assert status == 200
        status, _ = await later.call("GET", PATH, headers=sends(token(OLD)))
        assert status == 404


async def test_it_is_forgotten_in_this_browser(pod):
    _, kept = await keep(pod)
    for sent, expected in ((kept["data"]["token"], 200), ("forged", 404)):
        async with pod.client.delete(pod.public + PATH, headers={"Cookie": f"plan_session={sent}"}) as response:
            assert response.status == expected
            cookie = SimpleCookie(response.headers["Set-Cookie"])["plan_session"]
            assert (cookie.value, cookie["max-age"], cookie["path"]) == ("", "0", "/")


async def test_the_cookie_can_be_for_a_whole_domain(dsn):
    async with running_pod(dsn, jwt_secret=SECRET, cookie_domain=".Example.com") as pod:
        response, _ = await keep(pod)
        assert SimpleCookie(response.headers["Set-Cookie"])["plan_session"]["domain"] == "example.com"


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
async def test_without_a_secret_plan_sessions_are_off(dsn, method):
    async with running_pod(dsn) as pod:
        body = {"json": CHOICE} if method == "POST" else {"headers": sends(token())}
        status, answer = await pod.call(method, PATH, **body)
        assert (status, answer["code"]) == (503, "plan_sessions_disabled")
        assert "JWT_SECRET" in answer["error"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"priceId": "price-1; x"}, "priceId"), ({"priceId": ""}, "priceId"), ({"planType": "a b"}, "planType"),
        ({"amount": 1}, "amount"), ({"userId": str(uuid4())}, "userId"), ({"metadata": {"a": 1}}, "metadata.a"),
        ({"metadata": {"userId": "x"}}, "metadata"), ({"metadata": {"installation": "x"}}, "metadata"),
        ({"metadata": {str(number): "x" for number in range(51)}}, "metadata"),
        ({"metadata": {"x" * 41: "x"}}, "metadata"), ({"metadata": {"x": "y" * 501}}, "metadata"),
        ({"metadata": {"a[b]": "y"}}, "metadata"), ({"metadata": {"": "y"}}, "metadata"),
        ({"metadata": {str(number): "é" * 250 for number in range(6)}}, "metadata"),
    ],
)  # fmt: skip
async def test_what_it_may_not_contain_is_named(pod, change, field):
    response, answer = await keep(pod, **change)
    assert (response.status, answer["code"]) == (400, "invalid_request")
    assert field in answer["fields"]


async def test_a_token_fits_into_a_cookie(pod):
    response, answer = await keep(pod, metadata={str(number): "é" * 220 for number in range(5)})
    assert response.status == 200, answer
    assert len(response.headers["Set-Cookie"]) < 4096


async def test_the_site_may_send_and_forget_it_with_cookies_and_nobody_else(pod):
    for origin, allowed in ((SITE_URL, SITE_URL), ("https://evil.example", None)):
        headers = {"Origin": origin, "Access-Control-Request-Method": "DELETE"}
        async with pod.client.options(pod.public + PATH, headers=headers) as response:
            assert response.headers.get("Access-Control-Allow-Origin") == allowed
            if allowed:
                assert response.headers["Access-Control-Allow-Credentials"] == "true"
                assert "DELETE" in response.headers["Access-Control-Allow-Methods"]
                assert "Authorization" in response.headers["Access-Control-Allow-Headers"]


async def test_config_names_the_origins_that_it_may_be_carried_to(dsn):
    origins: dict[str, Any] = {
        "return_origins": "https://b.example,https://c.example:8443",
        "public_url": "https://pay.example:443/x",
    }
    async with running_pod(dsn, site_url="https://WWW.example.com/charity", **origins) as pod:
        _, answer = await pod.call("GET", "/config")
    assert answer["data"]["returnOrigins"] == [
        "https://www.example.com", "https://pay.example", "https://b.example", "https://c.example:8443",
    ]  # fmt: skip


# What a checkout does with it: see also `tests/api/test_checkout_sessions.py`.


@pytest.fixture
async def database(dsn):
    database = Database(dsn, application="test", largest=4)
    yield database
    await database.close()


@pytest.fixture
def session():
    now = datetime.now(UTC)
    return PlanSession(price_id="price_x", plan_type="x", metadata={}, nonce=str(uuid4()), expires_at=now)


async def checkout(database, session, status="creating"):
    """As a checkout uses it: in the transaction of its intent."""
    payment = uuid4()
    async with database.transaction() as conn:
        await plan_sessions.use(conn, session, payment)
        await conn.execute(OPEN, payment, status)
    return payment


async def test_one_of_many_checkouts_at_once_uses_it(database, session):
    done = await asyncio.gather(*(checkout(database, session) for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(each, ConflictError) and each.code == "plan_session_used" for each in done) == 7


async def test_a_checkout_that_dies_before_its_commit_leaves_it_free(dsn, database, session):
    dying = await asyncpg.connect(dsn.newest)
    await dying.execute("BEGIN")
    await dying.fetchval(plan_sessions.USE, session.nonce, uuid4())
    waiting = asyncio.create_task(checkout(database, session))
    async with database.connection() as conn:
        await until_waiting(conn)
    dying.terminate()
    await waiting


async def test_a_checkout_that_failed_frees_it_for_one_other(pod, database, session, conn):
    kept = token(jti=session.nonce)
    payment = await checkout(database, session)
    status, _ = await pod.call("GET", PATH, headers=sends(kept))
    assert status == 404
    await conn.execute("UPDATE payments SET status = 'failed' WHERE id = $1", payment)
    status, _ = await pod.call("GET", PATH, headers=sends(kept))
    assert status == 200
    done = await asyncio.gather(*(checkout(database, session) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(each, ConflictError) for each in done) == 3
    status, _ = await pod.call("GET", PATH, headers=sends(kept))
    assert status == 404


@pytest.mark.parametrize("status", ["unknown", "expired", "error"])
async def test_any_other_end_keeps_it_used(database, session, conn, status):
    payment = await checkout(database, session, "unknown")
    await conn.execute("UPDATE payments SET status = $2 WHERE id = $1 AND status <> $2", payment, status)
    with pytest.raises(ConflictError):
        await checkout(database, session)


async def test_a_used_one_is_forgotten_after_a_day(database, session, conn):
    await checkout(database, session)
    await plan_sessions.purge(database)
    assert await conn.fetchval("SELECT count(*) FROM used_plan_sessions") == 1
    await conn.execute("UPDATE used_plan_sessions SET used_at = now() - interval '25 hours'")
    await plan_sessions.purge(database)
    assert await conn.fetchval("SELECT count(*) FROM used_plan_sessions") == 0
