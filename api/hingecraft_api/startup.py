"""What a pod says of its providers when it starts, so that a missing key is seen before a donor meets it."""

from __future__ import annotations

from collections.abc import Mapping

from hingecraft.providers import nowpayments, stripe
from hingecraft_api.pod import Pod

# The settings that each needs so that donors can pay and its webhooks reach us.
_NEEDED: Mapping[str, tuple[str, tuple[str, ...]]] = {
    stripe.NAME: ("Stripe", ("STRIPE_SECRET", "STRIPE_WEBHOOK_SECRET")),
    nowpayments.NAME: ("NOWPayments", ("NOWPAYMENTS_API_KEY", "NOWPAYMENTS_IPN_SECRET", "PUBLIC_URL")),
}


def providers_line(pod: Pod) -> str:
    """Which providers are on, in which mode, and which settings are missing."""
    return ". ".join(_told(pod, name) for name in _NEEDED)


def _told(pod: Pod, name: str) -> str:
    title, needed = _NEEDED[name]
    provider = pod.providers.of(name)
    state = f"is on in {'live' if provider.livemode else 'test'} mode" if provider.configured else "is off"
    missing = [setting for setting in needed if not getattr(pod.settings, setting.lower())]
    return f"{title} {state}" + (f" (not set: {', '.join(missing)})" if missing else "")
