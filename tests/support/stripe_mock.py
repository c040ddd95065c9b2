"""Stripe's own stand-in: stateless, and strict about what a request may hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hingecraft_sandbox.postgres import free_port
from support.servers import listening
from toolchain.go_tools import built

MODULE, VERSION = "github.com/stripe/stripe-mock", "v0.203.0"


def program() -> Path:
    return built(MODULE, VERSION)


@contextmanager
def running_stripe_mock() -> Iterator[str]:
    address = f"127.0.0.1:{free_port()}"
    with listening([program(), "-http-addr", address], address):
        yield f"http://{address}"
