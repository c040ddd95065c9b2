"""`hingecraft token --sub <uuid>`: a signed token for development."""

from __future__ import annotations

import argparse
import time
from uuid import UUID

from pydantic import Field

from hingecraft.cli import EXIT_OK, Command
from hingecraft.errors import UsageError
from hingecraft.identity.settings import AuthSettings
from hingecraft.settings import OptionalSentSecret, SentSecret, load

ROLES = ("authenticated", "service", "admin")
_VALID_FOR = 12 * 3600


class TokenSettings(AuthSettings):
    """The settings of `hingecraft token`."""

    stripe_secret: OptionalSentSecret = Field(
        SentSecret(), description="Stripe's key: with a live one nothing is signed"
    )


def signed(settings: TokenSettings, claims: dict[str, object], now: float) -> str:
    """A token that pods with the same settings accept for twelve hours; raises UsageError."""
    if "_live_" in settings.stripe_secret.newest:
        raise UsageError(
            "STRIPE_SECRET is a live key, and development tokens must not reach real money: use a test key"
        )
    if not settings.auth_jwt_secret:
        raise UsageError("AUTH_JWT_SECRET is not set: set the secret that the pods verify tokens with")
    import jwt  # noqa: PLC0415 - loads twenty megabytes, so only if needed

    issued = {"iss": settings.auth_jwt_issuer[0]} if settings.auth_jwt_issuer else {}
    times = {"iat": int(now), "exp": int(now) + _VALID_FOR}
    whole = {**issued, "aud": settings.auth_jwt_audience, **claims, **times}
    return jwt.encode(whole, settings.auth_jwt_secret.newest, algorithm="HS256")


def _user_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a UUID such as {UUID(int=1)}") from None


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sub", type=_user_id, required=True, metavar="UUID", help="id of the user")
    parser.add_argument("--role", choices=ROLES, default=ROLES[0], help="role of the caller; default: %(default)s")
    parser.add_argument("--email", help="e-mail address of the user")


def _run(arguments: argparse.Namespace) -> int:
    claims: dict[str, object] = {"sub": str(arguments.sub), "role": arguments.role}
    if arguments.email:
        claims["email"] = arguments.email
    print(signed(load(TokenSettings), claims, time.time()))
    return EXIT_OK


COMMAND = Command(summary="sign a user's token for development", run=_run, arguments=_arguments)
