"""Users, services and admins prove who they are over real HTTP, at a feature that the product does not know."""

from __future__ import annotations

from uuid import uuid4

import pytest

from support.callers import WITH_CALLERS
from support.pods import ADMIN, running_pod
from support.tokens import SERVICE_TOKEN, SETTINGS, bearer, token_for

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


async def test_services_are_served_by_their_token_where_users_are_off(dsn):
    async with running_pod(dsn, features=WITH_CALLERS, service_token=SERVICE_TOKEN) as pod:
        assert await who(pod, "services", bearer(SERVICE_TOKEN)) == ("service", None)
        assert await who(pod, "services", bearer(token_for(role="service"))) == (401, "invalid_token")
        assert await who(pod, "users", bearer(token_for())) == (503, "members_disabled")
