"""`hingecraft operator`, whose pods are processes of a test: an EndpointSlice refuses loopback addresses.

Only the host is another one; the port that stands in the slice is the port that is called. And where a test must know
by which way something came about, the periods of the others are longer than the test.
"""

from __future__ import annotations

import importlib
import json
import os
import sys

from hingecraft.errors import UsageError
from hingecraft.settings import load
from hingecraft_operator.command import run
from hingecraft_operator.settings import OperatorSettings


def url_of(_address: str, port: int) -> str:
    return f"http://127.0.0.1:{port}"


def change_periods(changed: dict[str, float]) -> None:
    """The seconds of constants, such as `hingecraft_operator.controller.reconciler._RESYNC`."""
    for name, seconds in changed.items():
        path, _, constant = name.rpartition(".")
        module = importlib.import_module(path)
        assert isinstance(getattr(module, constant), float)
        setattr(module, constant, seconds)


if __name__ == "__main__":
    change_periods(json.loads(os.environ["PERIODS"]))
    try:
        sys.exit(run(load(OperatorSettings), url_of))
    except UsageError as error:
        sys.exit(str(error))
