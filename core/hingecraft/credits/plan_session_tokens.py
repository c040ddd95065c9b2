"""The tokens of plan sessions: signed, not encrypted, so they contain only what the visitor sent. Pure."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from jwt import PyJWS
from jwt.exceptions import PyJWTError

from hingecraft.credits.model import PLAN_SESSION_SECONDS, PlanSession
from hingecraft.errors import InvalidError
from hingecraft.settings import Secret

ISSUER, AUDIENCE = "hingecraft", "payment-flow"
# Of a token, in seconds, whatever the clock of the pod says: used nonces are kept for longer.
_LONGEST_LIFE = 12 * 3600
# Browsers drop a cookie of more than 4096 bytes, with its name and attributes.
LARGEST_TOKEN = 3800
_LONGEST_NONCE = 200
_HMAC = "HS256"
_SIGNATURES = PyJWS(algorithms=[_HMAC], options={"enforce_minimum_key_length": True})


class PlanSessionTokens:
    """Signs with the newest value of the secret, and reads what any of its values has signed."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret

    def sign(self, price_id: str, plan_type: str, metadata: Mapping[str, str]) -> tuple[str, PlanSession]:
        """A token that is valid for 15 minutes; raises InvalidError if it would not fit into a cookie."""
        now = int(time.time())
        nonce = str(uuid4())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "jti": nonce,
            "iat": now,
            "exp": now + PLAN_SESSION_SECONDS,
            "priceId": price_id,
            "planType": plan_type,
            "metadata": dict(metadata),
        }
        payload = json.dumps(claims, separators=(",", ":"), ensure_ascii=False).encode()
        token = _SIGNATURES.encode(payload, self._secret.newest, algorithm=_HMAC)
        if len(token) > LARGEST_TOKEN:
            raise InvalidError(
                "invalid_request",
                "Please correct: metadata is too large for a plan session, which has to fit into a cookie: send at "
                "most 2,000 bytes.",
                fields={"metadata": "is too large: a plan session has to fit into a cookie"},
            )
        return token, _session_in(claims, now)

    def read(self, token: str) -> PlanSession:
        """The plan session that a token is; raises InvalidError for one that is forged or has expired."""
        if len(token) <= LARGEST_TOKEN and token.isascii():
            for value in self._secret.values:
                try:
                    payload = _SIGNATURES.decode(token, value, algorithms=[_HMAC])
                    return _session_in(json.loads(payload), time.time())
                except (PyJWTError, ValueError, RecursionError):
                    continue
        raise InvalidError(
            "invalid_plan_session", "The plan session has expired or is not valid. Choose the plan again."
        )


def _session_in(claims: Any, now: float) -> PlanSession:
    """Raises ValueError unless it is our own and has not expired, since another system may use the same secret."""
    if not isinstance(claims, dict) or (claims.get("iss"), claims.get("aud")) != (ISSUER, AUDIENCE):
        raise ValueError("not a plan session")
    texts = [claims.get(name) for name in ("priceId", "planType", "jti")]
    metadata, expires_at = claims.get("metadata"), claims.get("exp")
    if not all(isinstance(text, str) and text for text in texts) or len(str(texts[2])) > _LONGEST_NONCE:
        raise ValueError("a plan session without a price, a plan or a nonce")
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError("a plan session with other metadata")
    if not isinstance(expires_at, int) or isinstance(expires_at, bool) or not now < expires_at <= now + _LONGEST_LIFE:
        raise ValueError("a plan session that has expired")
    price_id, plan_type, nonce = map(str, texts)
    return PlanSession(
        price_id=price_id,
        plan_type=plan_type,
        metadata=metadata,
        nonce=nonce,
        expires_at=datetime.fromtimestamp(expires_at, UTC),
    )
