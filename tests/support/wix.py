"""Wix as it signs: instance tokens for the dashboard, and webhooks."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from hingecraft.wix_app.instances.local import signature_of
from support.limits import PROGRESS
from support.pods import Running
from support.tokens import encoded

APP_ID = "5f0e1b7c-2d34-4a86-9c1f-3b8d6e7a4f21"
APP_SECRET = "the-secret-of-the-test-app"
WEBHOOK, STATUS = "/api/v1/wix/webhook", "/api/v1/wix/user/status"
_UNPROCESSED = "SELECT count(*) FROM provider_events WHERE source = 'wix' AND processed_at IS NULL"


@cache
def app_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def public_key() -> str:
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    return app_key().public_key().public_bytes(serialization.Encoding.PEM, spki).decode()


def settings() -> dict[str, Any]:
    return {"wix_app_id": APP_ID, "wix_app_secret": APP_SECRET, "wix_app_public_key": public_key()}


def iso(moment: datetime) -> str:
    """A time as Wix writes it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def fields_of(instance_id: UUID | str, *, at: datetime | None = None, **more: Any) -> dict[str, Any]:
    """The fields of an owner's token as Wix wrote them in 2026; None leaves one out."""
    signed_at = at or datetime.now(UTC)
    fields = {
        "instanceId": str(instance_id), "appDefId": APP_ID, "signDate": iso(signed_at), "uid": str(uuid4()),
        "permissions": "OWNER", "demoMode": False, "siteOwnerId": str(uuid4()), "siteMemberId": str(uuid4()),
        "expirationDate": iso(signed_at + timedelta(hours=4)), "loginAccountId": str(uuid4()), **more,
    }  # fmt: skip
    return {name: value for name, value in fields.items() if value is not None}


def signed(fields: Any, secret: str = APP_SECRET) -> str:
    data = encoded(json.dumps(fields).encode())
    return f"{signature_of(data, secret)}.{data}"


def owner(instance_id: UUID | str, **more: Any) -> dict[str, str]:
    """The header of a call from the dashboard of a site."""
    return as_instance(signed(fields_of(instance_id, **more)))


def as_instance(token: str) -> dict[str, str]:
    return {"Authorization": f"WixInstance {token}"}


def claims_of(kind: str, instance_id: UUID | str, data: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The claims of a webhook: JSON in a text in JSON in a text. None leaves a claim out."""
    now = int(time.time())
    envelope = {
        "eventType": kind, "instanceId": str(instance_id), "data": json.dumps(data),
        "identity": json.dumps({"identityType": "WIX_USER", "wixUserId": str(uuid4())}),
    }  # fmt: skip
    claims = {"data": json.dumps(envelope), "iat": now, "exp": now + 3600, "iss": "wix.com", "aud": APP_ID, **more}
    return {name: value for name, value in claims.items() if value is not None}


def message(kind: str, instance_id: UUID | str, data: dict[str, Any] | None = None, **more: Any) -> str:
    """A webhook's body."""
    return jwt.encode(claims_of(kind, instance_id, data or {}, **more), app_key(), algorithm="RS256")


async def send(pod: Running, body: str | bytes, path: str = WEBHOOK) -> tuple[int, str | None]:
    """The status, and the code of an error."""
    status, answer = await pod.call("POST", path, data=body, headers={"Content-Type": "text/plain"})
    return status, answer.get("code")


async def store(pod: Running, body: str | bytes, path: str = WEBHOOK) -> None:
    """Send a webhook until it is stored, as Wix does when it is told that it was not stored in time."""
    async with asyncio.timeout(PROGRESS):
        while (answer := await send(pod, body, path)) == (503, "database_unavailable"):
            pass
    assert answer == (200, None)


async def tell(
    pod: Running, kind: str, instance_id: UUID | str, data: dict[str, Any] | None = None, **more: Any
) -> None:
    """Send an event; it is stored when this returns."""
    await store(pod, message(kind, instance_id, data, **more))


async def until_processed(conn: Any) -> None:
    """Wait until every event of Wix has been applied or ignored."""
    async with asyncio.timeout(PROGRESS):
        while await conn.fetchval(_UNPROCESSED):
            await asyncio.sleep(0.02)


async def status_of(pod: Running, instance_id: UUID | str) -> dict[str, Any]:
    status, answer = await pod.call("GET", STATUS, headers=owner(instance_id))
    assert status == 200, answer
    data: dict[str, Any] = answer["data"]
    return data


async def code_of(pod: Running, headers: dict[str, str], method: str = "GET", path: str = STATUS) -> str:
    """The code by which a call is rejected, after its status."""
    status, answer = await pod.call(method, path, headers=headers)
    return f"{status} {answer.get('code')}"
