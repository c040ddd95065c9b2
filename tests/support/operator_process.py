"""`hingecraft operator`, whose pods are processes of a test: an EndpointSlice refuses loopback addresses.

Only the host is another one; the port that stands in the slice is the port that is called.
"""

from __future__ import annotations

import sys

from hingecraft.errors import UsageError
from hingecraft.settings import load
from hingecraft_operator.command import run
from hingecraft_operator.settings import OperatorSettings


def url_of(_address: str, port: int) -> str:
    return f"http://127.0.0.1:{port}"


if __name__ == "__main__":
    try:
        sys.exit(run(load(OperatorSettings), url_of))
    except UsageError as error:
        sys.exit(str(error))
