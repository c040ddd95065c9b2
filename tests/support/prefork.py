"""Starts the tests' processes by fork, so that a test does not wait for imports. Each test worker has a fork server."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from hingecraft_sandbox.fork_server import SUPPORTED, ForkedProcess, ForkServer, finding

# Services and objects of Stripe's SDK. In each fork they would take 0.2 s of CPU.
_IMPORTED_LATER = (
    "stripe._stripe_client", "stripe._v1_services", "stripe._v2_services", "stripe._object_classes",
    "stripe._account_service", "stripe._checkout_service", "stripe._event_service", "stripe._payment_link_service",
    "stripe._price_service", "stripe.checkout._session_service",
)  # fmt: skip
_TESTS = Path(__file__).parents[1]
# Set by the tests' conftest. A benchmark starts its processes as production does.
current: ForkServer | None = None


def fork_server() -> ForkServer:
    return ForkServer(_TESTS, later={"stripe": _IMPORTED_LATER})


async def start(
    module: str, arguments: Sequence[str], environment: Mapping[str, str], output: BinaryIO, errors: BinaryIO
) -> asyncio.subprocess.Process | ForkedProcess:
    """Run `python -m MODULE ARGUMENTS`."""
    if current is not None and SUPPORTED:
        return await current.start(module, arguments, environment, output.fileno(), errors.fileno())
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, env=finding([str(_TESTS)], environment),
        stdout=output, stderr=errors, start_new_session=True,
    )  # fmt: skip
