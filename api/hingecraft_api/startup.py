"""The lines that a pod logs at its start about providers, tokens and the Wix app: a missing key is noticed early."""

from __future__ import annotations

from collections.abc import Mapping

from hingecraft.providers import nowpayments, stripe
from hingecraft_api.pod import Pod
from hingecraft_api.settings import ApiSettings

# The settings that each needs so that donors can pay and its webhooks reach us.
_NEEDED: Mapping[str, tuple[str, tuple[str, ...]]] = {
    stripe.NAME: ("Stripe", ("STRIPE_SECRET", "STRIPE_WEBHOOK_SECRET")),
    nowpayments.NAME: ("NOWPayments", ("NOWPAYMENTS_API_KEY", "NOWPAYMENTS_IPN_SECRET", "PUBLIC_URL")),
}


def providers_line(pod: Pod) -> str:
    """The providers that are on, their modes, and the settings that are missing."""
    return ". ".join(_provider_state(pod, name) for name in _NEEDED)


def members_line(settings: ApiSettings) -> str:
    """How members' tokens are verified, and which issuers' tokens are accepted."""
    service = "SERVICE_TOKEN is set" if settings.service_token else "SERVICE_TOKEN is not set"
    if not settings.verifies_tokens:
        return f"Members are off (not set: AUTH_JWT_SECRET, AUTH_JWKS_URL). {service}"
    keys = ["AUTH_JWT_SECRET"] if settings.auth_jwt_secret else []
    keys += [f"the keys of {settings.auth_jwks_url}"] if settings.auth_jwks_url else []
    issuers = ", ".join(settings.auth_jwt_issuer) or "any issuer (not set: AUTH_JWT_ISSUER)"
    return f"Members are on: tokens from {issuers} are verified by {' and '.join(keys)}. {service}"


def wix_app_line(settings: ApiSettings) -> str:
    """How the Wix app is set up. Its secret and its key are only named."""
    needed = ("WIX_APP_ID", "WIX_APP_SECRET", "WIX_APP_PUBLIC_KEY")
    missing = ", ".join(name for name in needed if not getattr(settings, name.lower()))
    if not settings.wix_app_secret and not settings.wix_app_public_key:
        return f"The Wix app is off (not set: {missing})"
    check = "WIX_APP_SECRET" if settings.wix_instance_check == "local" else "Wix's Token Info"
    state = f"is on: app {settings.wix_app_id}, instance tokens are verified by {check}"
    if not settings.serves_wix_app:
        state = f"takes webhooks only: app {settings.wix_app_id}"
    owners = len(settings.wix_owner_instances)
    return (
        f"The Wix app {state}, {owners} owner {'instance' if owners == 1 else 'instances'}, {settings.wix_api_base}"
        + (f" (not set: {missing})" if missing else "")
    )


def _provider_state(pod: Pod, name: str) -> str:
    title, needed = _NEEDED[name]
    provider = pod.providers.of(name)
    state = f"is on in {'live' if provider.livemode else 'test'} mode" if provider.configured else "is off"
    missing = [setting for setting in needed if not getattr(pod.settings, setting.lower())]
    return f"{title} {state}" + (f" (not set: {', '.join(missing)})" if missing else "")
