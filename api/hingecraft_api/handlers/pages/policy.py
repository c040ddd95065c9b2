"""The Content-Security-Policy of pages: their own code runs, calls this backend, and may be framed by named sites."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

NOBODY = ("'none'",)
_INLINE = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)
_STRIPE_HOST = "js.stripe.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The addresses that a page may run scripts, show frames and call, beside its own code and this backend."""

    scripts: tuple[str, ...] = ()
    frames: tuple[str, ...] = ()
    connections: tuple[str, ...] = ()


NOTHING = Sources()
# Stripe documents these for Stripe.js: https://docs.stripe.com/security/guide#content-security-policy
_STRIPE = Sources(
    scripts=("https://js.stripe.com", "https://*.js.stripe.com"),
    frames=("https://js.stripe.com", "https://*.js.stripe.com", "https://hooks.stripe.com"),
    connections=("https://api.stripe.com",),
)


def sources_of(stripe_js: str) -> Sources:
    """The sources of Stripe.js. A stand-in at another address gets its script and its frames, and calls nothing."""
    parts = urlsplit(stripe_js)
    if parts.hostname == _STRIPE_HOST:
        return _STRIPE
    return Sources(scripts=(stripe_js,), frames=(f"{parts.scheme}://{parts.netloc}",))


def policy_of(page: str, framed_by: Sequence[str], admitted: Sources = NOTHING) -> str:
    """The policy of a page with one inline script and one inline style."""
    own = {
        kind: f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for kind, text in _INLINE.findall(page)
    }
    directives = {
        "default-src": ("'none'",),
        "script-src": (own["script"], *admitted.scripts),
        "style-src": (own["style"],),
        "img-src": ("data:",),
        "connect-src": ("'self'", *admitted.connections),
        "frame-src": admitted.frames,
        "base-uri": ("'none'",),
        "form-action": ("'none'",),
        "frame-ancestors": framed_by,
    }
    return "; ".join(f"{name} {' '.join(sources)}" for name, sources in directives.items() if sources)
