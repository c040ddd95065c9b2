"""Why a caller's token is not accepted."""

from __future__ import annotations

from hingecraft.errors import RejectedError


class InvalidTokenError(RejectedError):
    """The token does not prove who calls."""

    def __init__(self, sentence: str) -> None:
        super().__init__("invalid_token", sentence)


class RoleNotAllowedError(RejectedError):
    """The token is genuine, but its role may not make this call."""

    def __init__(self, sentence: str) -> None:
        super().__init__("role_not_allowed", sentence)


class NotAuthorizedError(RejectedError):
    """The named object belongs to another user."""

    def __init__(self, sentence: str) -> None:
        super().__init__("not_authorized", sentence)


class AuthUnavailableError(RejectedError):
    """The keys that verify tokens have never been fetched, or cannot be fetched for too long."""

    def __init__(self) -> None:
        super().__init__("auth_unavailable", "Tokens cannot be verified right now. Try again in a few seconds.")


class MembersDisabledError(RejectedError):
    """This backend has no settings to verify tokens with."""

    def __init__(self) -> None:
        super().__init__(
            "members_disabled",
            "This backend does not accept members' calls. Set AUTH_JWT_SECRET or AUTH_JWKS_URL to accept them.",
        )
