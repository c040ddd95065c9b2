"""Users, services and admins prove who they are over real HTTP, at a feature that the product does not know."""

from __future__ import annotations

from uuid import uuid4

import pytest

from support.callers import WITH_CALLERS
from support.pods import ADMIN, ADMIN_TOKEN, running_pod
from support.tokens import SERVICE_TOKEN, SETTINGS, bearer, token_for

pytestmark = pytest.mark.usefixtures("still_minute")

USER = str(uuid4())


@pytest.fixture
async def pod(dsn):
    async with running_pod(dsn, features=WITH_CALLERS, **SETTINGS) as pod:
        yield pod


async def who(pod, path, headers=None):
    """The kind and id that an endpoint is told, or the code of its error."""
    status, answer = await pod.call("GET", f"/callers/{path}", headers=headers)
    return tuple(answer["data"].values()) if status == 200 else (status, answer["code"])


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (bearer(token_for(USER)), ("user", USER)),
        (bearer(token_for(USER.upper())), ("user", USER)),
        ({"Authorization": f"bearer  {token_for(USER)} "}, ("user", USER)),
        (bearer(token_for(USER, role="admin")), ("admin", USER)),
        (bearer(token_for(USER, app_metadata={"role": "admin"})), ("admin", USER)),
        (bearer(token_for(USER, app_metadata={"role": "editor"})), ("user", USER)),
        (bearer(token_for(role="service", sub=None, aud=None)), ("service", None)),
        (bearer(token_for(role="service_role", sub=None, aud=None)), ("service", None)),
        (bearer(SERVICE_TOKEN), ("service", None)),
        (ADMIN, ("admin", None)),
        ({}, (401, "missing_token")),
        ({"Authorization": "Bearer "}, (401, "missing_token")),
        ({"Authorization": "Basic dXNlcjpwdw=="}, (401, "missing_token")),
        (bearer("a-guess"), (401, "invalid_token")),
    ],
)
async def test_each_caller_is_known_by_its_token(pod, headers, expected):
    assert await who(pod, "members", headers) == expected


async def test_a_call_is_only_for_those_that_its_endpoint_names(pod):
    user, service = bearer(token_for(USER)), bearer(SERVICE_TOKEN)
    assert await who(pod, "users", user) == ("user", USER)
    for path, headers in (("users", service), ("users", ADMIN), ("services", user), ("services", ADMIN)):
        assert await who(pod, path, headers) == (403, "role_not_allowed")
    assert await who(pod, "admins", user) == (403, "role_not_allowed")
    assert await who(pod, "admins", ADMIN) == ("admin", None)
    assert await who(pod, "admins", bearer(token_for(USER, role="admin"))) == ("admin", USER)


async def test_where_visitors_are_served_a_wrong_token_is_still_rejected(pod):
    assert await who(pod, "shop") == ("visitor", None)
    assert await who(pod, "shop", ADMIN) == ("admin", None)
    assert await who(pod, "shop", bearer(token_for(USER))) == ("visitor", None)
    assert await who(pod, "shop", bearer(token_for(USER, exp=1))) == (401, "invalid_token")
    assert await who(pod, "shop", bearer("a-guess")) == (401, "invalid_token")


async def test_calls_for_visitors_do_not_look_at_tokens(pod):
    assert await who(pod, "anybody", bearer("a-guess")) == ("visitor", None)


async def test_without_settings_calls_for_members_are_off_and_all_others_are_served(dsn):
    async with running_pod(dsn, features=WITH_CALLERS) as pod:
        for headers in ({}, bearer(token_for()), ADMIN):
            assert await who(pod, "members", headers) == (503, "members_disabled")
        assert await who(pod, "admins", ADMIN) == ("admin", None)
        assert await who(pod, "shop") == ("visitor", None)
        assert await who(pod, "anybody") == ("visitor", None)


async def test_pages_that_send_tokens_where_members_are_off_do_not_lock_admins_out(dsn):
    """Many people may share the address of an admin."""
    async with running_pod(dsn, features=WITH_CALLERS) as pod:
        assert await before_the_limit(pod, "shop", bearer(token_for(USER))) == 30
        assert await statuses(pod, "admins", ADMIN, 1) == [200]


async def test_services_are_served_by_their_token_where_users_are_off(dsn):
    async with running_pod(dsn, features=WITH_CALLERS, service_token=SERVICE_TOKEN) as pod:
        assert await who(pod, "services", bearer(SERVICE_TOKEN)) == ("service", None)
        assert await who(pod, "services", bearer(token_for(role="service"))) == (401, "invalid_token")
        assert await who(pod, "users", bearer(token_for())) == (503, "members_disabled")


async def test_both_tokens_of_a_rotation_are_accepted_and_no_other(dsn):
    tokens = {"admins": f"a-newer-admin-token,{ADMIN_TOKEN}", "services": f"a-newer-service-token,{SERVICE_TOKEN}"}
    async with running_pod(
        dsn, features=WITH_CALLERS, admin_token=tokens["admins"], service_token=tokens["services"]
    ) as pod:
        for path, both in tokens.items():
            for token, status in ((both.split(",")[0], 200), (both.split(",")[1], 200), (both, 401)):
                assert await statuses(pod, path, bearer(token), 1) == [status]


async def statuses(pod, path, headers, count):
    return [(await pod.call("GET", f"/callers/{path}", headers=headers))[0] for _ in range(count)]


async def before_the_limit(pod, path, headers):
    """How many calls get 401 before one gets 429."""
    for count in range(300):
        status = (await statuses(pod, path, headers, 1))[0]
        if status == 429:
            return count
        assert status == 401
    raise AssertionError("no limit was reached")


async def test_a_user_has_one_limit_whatever_its_address_and_services_have_none(dsn):
    async with running_pod(dsn, features=WITH_CALLERS, rate_limit=3, trusted_proxies="127.0.0.1", **SETTINGS) as pod:
        office, home = {"X-Forwarded-For": "192.0.2.1"}, {"X-Forwarded-For": "198.51.100.7"}
        one, other = bearer(token_for(USER)), bearer(token_for())
        assert await statuses(pod, "members", one | office, 2) == [200, 200]
        # Another token of the same user, from elsewhere.
        assert await statuses(pod, "members", bearer(token_for(USER, exp=2_000_000_000)) | home, 2) == [200, 429]
        assert await statuses(pod, "members", other | office, 4) == [200, 200, 200, 429]
        assert await statuses(pod, "members", bearer(SERVICE_TOKEN) | office, 6) == [200] * 6
        assert await statuses(pod, "members", bearer(token_for(role="admin")) | office, 6) == [200] * 6
        assert await statuses(pod, "members", office, 4) == [401, 401, 401, 429]


async def test_an_address_may_send_thirty_wrong_tokens_a_minute_and_stops_nobody_else(dsn):
    async with running_pod(dsn, features=WITH_CALLERS, trusted_proxies="127.0.0.1", **SETTINGS) as pod:
        office, home = {"X-Forwarded-For": "192.0.2.1"}, {"X-Forwarded-For": "198.51.100.7"}
        expired = bearer(token_for(USER, exp=1))
        assert await statuses(pod, "members", expired | office, 20) == [401] * 20
        assert await before_the_limit(pod, "shop", expired | office) == 10
        assert await statuses(pod, "members", expired | home, 1) == [401]
        # Colleagues at the same address go on, and so do its services: nobody guesses a signature.
        assert await statuses(pod, "members", bearer(token_for(USER)) | office, 2) == [200, 200]
        assert await statuses(pod, "members", bearer(SERVICE_TOKEN) | office, 1) == [200]
        async with pod.client.get(pod.internal + "/metrics") as response:
            text = await response.text()
        assert 'hingecraft_rate_limited_total{limit="rejected_tokens"} 1.0' in text
        assert f'hingecraft_refused_signatures_total{{kind="bearer_token"}} {20 + 10 + 1 + 1}.0' in text


async def test_who_guesses_a_fixed_token_is_not_told_when_it_is_right(dsn):
    async with running_pod(dsn, features=WITH_CALLERS, **SETTINGS) as pod:
        assert await before_the_limit(pod, "services", bearer("a-guess")) == 30
        assert await statuses(pod, "services", bearer(SERVICE_TOKEN), 1) == [429]
        assert await statuses(pod, "members", bearer(token_for(USER)), 1) == [200]
        assert await statuses(pod, "shop", {}, 1) == [200], "who sends no token guesses nothing"


async def test_tokens_that_may_not_call_count_against_their_address(dsn):
    """Supabase's anon key is in every page, so anybody can send it as often as they like."""
    async with running_pod(dsn, features=WITH_CALLERS, rate_limit=3, **SETTINGS) as pod:
        anon = bearer(token_for(role="anon", sub=None, aud=None))
        assert await statuses(pod, "members", anon, 4) == [403, 403, 403, 429]


async def test_an_idempotency_key_belongs_to_the_caller_who_sent_it(pod):
    async def order(headers):
        key = {"Idempotency-Key": "one-key-for-all-of-them"}
        async with pod.client.post(pod.public + "/callers/orders", json={}, headers=headers | key) as response:
            data = (await response.json())["data"]
            return data["order"], data["by"], response.headers.get("Idempotency-Replayed")

    callers = {
        f"user:{USER}": bearer(token_for(USER)),
        "user:11111111-1111-4111-8111-111111111111": bearer(token_for("11111111-1111-4111-8111-111111111111")),
        "service": bearer(SERVICE_TOKEN),
        "admin": ADMIN,
        f"admin:{USER}": bearer(token_for(USER, role="admin")),
    }
    first = {actor: await order(headers) for actor, headers in callers.items()}
    assert [by for _order, by, _replayed in first.values()] == list(callers)
    assert len({made for made, _by, _replayed in first.values()}) == len(callers)
    for actor, headers in callers.items():
        assert await order(headers) == (*first[actor][:2], "true")
    assert await order(bearer(token_for(USER, exp=2_000_000_000))) == (*first[f"user:{USER}"][:2], "true")


async def test_pages_of_the_site_may_send_tokens_and_cookies_and_others_may_not(dsn):
    site = "https://www.example.com"
    async with running_pod(dsn, features=WITH_CALLERS, cors_origins=(site,), **SETTINGS) as pod:
        for origin, allowed in ((site, True), ("https://www.example.com.attacker.example.net", False), ("null", False)):
            asked = {"Origin": origin, "Access-Control-Request-Method": "DELETE"}
            async with pod.client.options(pod.public + "/callers/orders", headers=asked) as response:
                assert response.status == (204 if allowed else 403)
                assert response.headers.get("Access-Control-Allow-Credentials") == ("true" if allowed else None)
                assert ("DELETE" in response.headers.get("Access-Control-Allow-Methods", "")) == allowed
                assert ("Authorization" in response.headers.get("Access-Control-Allow-Headers", "")) == allowed
            for sent in (bearer(token_for(USER)), {}):
                headers = {"Origin": origin, **sent}
                async with pod.client.delete(pod.public + "/callers/orders", headers=headers) as response:
                    assert response.status == (200 if sent else 401), "a page can read an error too"
                    assert response.headers.get("Access-Control-Allow-Origin") == (site if allowed else None)
                    assert response.headers.get("Access-Control-Allow-Credentials") == ("true" if allowed else None)
