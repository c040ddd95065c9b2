"""Tokens that Wix verifies for us: who may call, how long an answer is believed, and what happens while Wix is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from hingecraft.identity.errors import AuthUnavailableError
from hingecraft.providers.patience import Deadline
from hingecraft.settings import Secret
from hingecraft.wix_app.client.client import WixClient
from hingecraft.wix_app.client.model import TokenInfo
from hingecraft.wix_app.errors import InvalidInstanceError
from hingecraft.wix_app.instances.token_info import KEPT_INVALID, TokenInfoCheck, owner_of
from hingecraft_sandbox.wix.config import APP_ID
from support.pods import running_pod
from support.sandbox import Sandbox
from support.wix import as_instance, code_of
from support.wix_stand_in import WixStandIn

STATUS = "/api/v1/wix/user/status"
NOW = datetime(2026, 11, 27, 10, tzinfo=UTC)
OWNER = TokenInfo(
    subject="USER", app_id=APP_ID, instance_id=uuid4(), issued_at=NOW, expires_at=NOW + timedelta(hours=4)
)  # fmt: skip


class Counted:
    """The client, and how often Token Info was asked."""

    def __init__(self, client: WixClient) -> None:
        self._client = client
        self.calls = 0

    async def token_info(self, token: str, deadline: Deadline) -> TokenInfo | None:
        self.calls += 1
        return await self._client.token_info(token, deadline)


class Check:
    """A check at the stand-in, on a clock that the test moves."""

    def __init__(self, client: WixClient) -> None:
        self.client = Counted(client)
        self.time = 1000.0
        self.check = TokenInfoCheck(self.client, APP_ID, lambda: self.time)  # type: ignore[arg-type] # counts the calls


@pytest.fixture
async def wix(sandbox: Sandbox) -> WixStandIn:
    return WixStandIn(sandbox)


@pytest.fixture
async def check(wix: WixStandIn) -> AsyncIterator[Check]:
    client = wix.client()
    yield Check(client)
    await client.close()


def test_an_owner_of_our_app_is_believed():
    assert owner_of(OWNER, APP_ID, NOW).instance_id == OWNER.instance_id
    assert owner_of(OWNER, APP_ID, NOW).signed_at == NOW


@pytest.mark.parametrize(
    "info",
    [
        None,
        replace(OWNER, app_id=str(uuid4())),
        replace(OWNER, app_id=None),
        replace(OWNER, instance_id=None),
        replace(OWNER, expires_at=NOW),
        *(replace(OWNER, subject=each) for each in ("VISITOR", "MEMBER", "APP", "UNKNOWN", "user")),
    ],
)
def test_nobody_else_is(info: TokenInfo | None):
    with pytest.raises(InvalidInstanceError):
        owner_of(info, APP_ID, NOW)


async def test_an_answer_is_kept_for_five_minutes(check: Check, wix: WixStandIn):
    site = await wix.install()
    token = (await wix.tokens(site))["accessToken"]
    many = await asyncio.gather(*(check.check.verified(token) for _ in range(20)))
    assert ({each.instance_id for each in many}, check.client.calls) == ({site}, 1)
    check.time += 5 * 60 - 1
    await check.check.verified(token)
    assert check.client.calls == 1
    check.time += 2
    await check.check.verified(token)
    assert check.client.calls == 2


async def test_a_token_is_not_believed_beyond_its_end(check: Check, wix: WixStandIn):
    token = (await wix.tokens(await wix.install(), age=4 * 3600 - 20))["accessToken"]
    await check.check.verified(token)
    check.time += 25
    await check.check.verified(token)
    assert check.client.calls == 2


async def test_an_unknown_token_is_asked_about_rarely(check: Check):
    for _ in range(3):
        with pytest.raises(InvalidInstanceError):
            await check.check.verified("OauthNG.JWS.unknown")
    assert check.client.calls == 1
    check.time += KEPT_INVALID
    with pytest.raises(InvalidInstanceError):
        await check.check.verified("OauthNG.JWS.unknown")
    assert check.client.calls == 2


@pytest.mark.parametrize("token", ["", "a" * 9000, "two words", "näh", "line\nbreak"])
async def test_a_text_that_cannot_be_a_token_is_not_sent_to_wix(check: Check, token: str):
    with pytest.raises(InvalidInstanceError):
        await check.check.verified(token)
    assert check.client.calls == 0


async def test_known_tokens_work_while_wix_is_down(check: Check, wix: WixStandIn):
    known, other = [(await wix.tokens(await wix.install()))["accessToken"] for _ in range(2)]
    await check.check.verified(known)
    await wix.sandbox.fault("status_before", provider="wix", path="/oauth2/token-info", status=503, times=100)
    await check.check.verified(known)
    with pytest.raises(AuthUnavailableError):
        await check.check.verified(other)
    await wix.sandbox.ask("DELETE", "/_sandbox/faults")
    await check.check.verified(other)


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_a_token_that_wix_rejects_says_nothing_about_our_key(dsn: Secret, wix: WixStandIn, status: int):
    async with running_pod(dsn, **await wix.settings()) as pod:
        await wix.sandbox.fault("status_before", provider="wix", path="/oauth2/token-info", status=status, times=100)
        assert await code_of(pod, as_instance("OauthNG.JWS.of-nobody")) == "401 invalid_wix_instance"
        assert await pod.metric('hingecraft_provider_key_rejected_total{provider="wix"}') is None


async def test_a_pod_asks_wix_about_every_token_where_the_setting_says_so(dsn: Secret, wix: WixStandIn):
    site = await wix.install()
    more = await wix.settings(wix_instance_check="token_info")
    async with running_pod(dsn, **{**wix.sandbox.settings, **more}) as pod:
        for kind in ("instance", "accessToken"):
            for caller, expected in (("owner", 200), ("visitor", 401), ("member", 401)):
                token = (await wix.tokens(site, caller))[kind]
                headers = {"Authorization": f"WixInstance {token}"}
                assert (await pod.call("GET", STATUS, headers=headers))[0] == expected, (kind, caller)
        await wix.sandbox.fault("status_before", provider="wix", path="/oauth2/token-info", status=503, times=100)
        headers = {"Authorization": f"WixInstance {(await wix.tokens(site))['accessToken']}"}
        status, answer = await pod.call("GET", STATUS, headers=headers)
        assert (status, answer["code"]) == (503, "auth_unavailable")
