"""The environment of the processes of `hingecraft dev`."""

from __future__ import annotations

import shlex
from pathlib import Path

from dotenv import dotenv_values

from hingecraft_sandbox.dev.designs import designs_folder
from hingecraft_sandbox.dev.ports import Ports
from hingecraft_sandbox.dev.wix_site import PAYMENTS_PATH, ROUTES_PATH
from hingecraft_sandbox.postgres import reachable_folder
from hingecraft_sandbox.providers.nowpayments import PREFIX as NOWPAYMENTS_PREFIX
from hingecraft_sandbox.wix import PREFIX as WIX_PREFIX
from hingecraft_sandbox.wix.config import APP_ID, APP_SECRET, key_in, public_key_of
from hingecraft_sandbox.wix.installations import PATH as WIX_INSTALLATIONS
from hingecraft_sandbox.wix.plans import PLANS

DATABASE = "hingecraft"
FILE = "env"
# The site at the stand-in for Wix that may see all payments.
OWNER_SITE = "7c9e6679-7425-40de-944b-e07fc1f90ae7"

# Fixed and public: they protect only a demo on a laptop.
_SECRETS = {
    "ADMIN_TOKEN": "dev-admin-token",
    "PUSH_SECRET": "dev-push-secret",
    "VISITOR_SECRET": "dev-visitor-secret",
    "AUTH_JWT_SECRET": "dev-jwt-secret-that-signs-tokens-on-a-laptop",
    "SERVICE_TOKEN": "dev-service-token",
    "JWT_SECRET": "dev-plan-session-secret-of-a-laptop",
    "DOWNLOAD_SECRET": "dev-download-secret-that-signs-urls-on-a-laptop",
    "WEBHOOK_SECRET": "whsec_ZGV2LXdlYmhvb2stc2VjcmV0",
}


def data_folder() -> Path:
    """Where the data of this checkout are kept between starts."""
    return reachable_folder(Path(".dev").resolve())


def wix_key(folder: Path) -> Path:
    """The key by which the stand-in for Wix signs its webhooks; it lasts as long as the data."""
    return folder / "wix-key.pem"


def environment_of(ports: Ports, folder: Path, dsn: str) -> dict[str, str]:
    """Our defaults, then what `.env` says; a provider is the sandbox unless `.env` has a key for the real one."""
    given = {name: value for name, value in dotenv_values(".env").items() if value}
    site, sandbox = f"http://127.0.0.1:{ports.site}", f"http://127.0.0.1:{ports.sandbox}"
    providers = {
        "STRIPE_SECRET": {
            "STRIPE_SECRET": "sk_test_" + "sandbox",
            "STRIPE_PUBLISHABLE_KEY": "pk_test_sandbox",
            "STRIPE_API_BASE": sandbox,
            "STRIPE_JS": f"{sandbox}/stripe.js",
            "STRIPE_RATE": "500",
            "STRIPE_WEBHOOK_SECRET": "whsec_sandbox",
        },
        "NOWPAYMENTS_API_KEY": {
            "NOWPAYMENTS_API_KEY": "sandbox-key",
            "NOWPAYMENTS_IPN_SECRET": "sandbox-ipn-secret",
            "NOWPAYMENTS_API_BASE": sandbox + NOWPAYMENTS_PREFIX,
        },
        "WIX_APP_ID": {
            "WIX_APP_ID": APP_ID,
            "WIX_APP_SECRET": APP_SECRET,
            "WIX_APP_PUBLIC_KEY": public_key_of(key_in(wix_key(folder))),
            "WIX_API_BASE": sandbox + WIX_PREFIX,
            "WIX_INSTALLATIONS_URL": sandbox + WIX_PREFIX + WIX_INSTALLATIONS,
            "WIX_APP_MARKET_URL": sandbox + WIX_PREFIX,
            "WIX_OWNER_INSTANCES": OWNER_SITE,
            "WIX_DASHBOARD_ORIGINS": sandbox,
            "WIX_PLAN_PRICES": ",".join(
                f"{plan.product}={plan.price('MONTHLY')}/{plan.price('YEARLY')}" for plan in PLANS.values()
            ),
        },
    }
    return {
        **_SECRETS,
        **{name: value for key, some in providers.items() if key not in given for name, value in some.items()},
        "SITE_URL": site,
        "CORS_ORIGINS": site,
        "PUBLIC_URL": f"http://127.0.0.1:{ports.pods[0]}",
        "DATABASE_URL": dsn,
        "DOWNLOADS": designs_folder(folder).as_uri(),
        "API_ADDRESSES": ",".join(f"http://127.0.0.1:{port + 1}" for port in ports.pods),
        "WIX_WEBHOOK_ENDPOINTS": f"site={site}{ROUTES_PATH},payments={site}{PAYMENTS_PATH}",
        "ALLOW_PRIVATE_WEBHOOKS": "true",
        **given,
    }


def write(folder: Path, environment: dict[str, str]) -> None:
    """For other commands: after `set -a; . .dev/env; set +a` they use the same database and providers."""
    file = folder / FILE
    file.touch(mode=0o600)
    file.write_text("".join(f"{name}={shlex.quote(value)}\n" for name, value in sorted(environment.items())))
