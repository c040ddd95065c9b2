"""Why a call of the Wix app, or a message of Wix, is rejected."""

from __future__ import annotations

from hingecraft.errors import RejectedError


class WixAppDisabledError(RejectedError):
    """This backend does not have the settings of the Wix app."""

    def __init__(self, needed: str) -> None:
        super().__init__("wix_app_disabled", f"This backend does not serve the Wix app. Set {needed} to serve it.")


class MissingInstanceError(RejectedError):
    """The call has no instance token."""

    def __init__(self) -> None:
        super().__init__(
            "missing_wix_instance",
            "Send the instance token as Authorization: WixInstance <token>. Open the app from the site's dashboard.",
        )


class InvalidInstanceError(RejectedError):
    """The token does not prove that a site's owner calls."""

    def __init__(self, why: str, what_to_do: str = "Open the app again from the site's dashboard.") -> None:
        super().__init__("invalid_wix_instance", f"{why} {what_to_do}")


class ExpiredInstanceError(RejectedError):
    """The token is genuine but has expired. This is not counted as a forgery."""

    def __init__(self) -> None:
        super().__init__(
            "invalid_wix_instance", "The instance token has expired. Get a fresh one, or reload the page to continue."
        )


class StaleInstanceError(RejectedError):
    """The token is genuine and may read, but is too old to change something."""

    def __init__(self) -> None:
        super().__init__(
            "stale_wix_instance",
            "The instance token is too old to change something. Get a fresh one, or reload the page to continue.",
        )


class NotOwnerError(RejectedError):
    """The site may not see this backend's payments."""

    def __init__(self) -> None:
        super().__init__(
            "not_owner",
            "This site may not see the payments. Add its instance id to the backend's WIX_OWNER_INSTANCES.",
        )


class ExpiredWebhookError(RejectedError):
    """A genuine message that has expired. Wix has sent it again, so it may be the only copy."""

    def __init__(self) -> None:
        super().__init__(
            "expired_webhook", "The signature is valid, but the message has expired. Reconciliation finds its content."
        )
