"""Tells a member that a provider cannot be reached or is busy.

For calls beside that which makes a checkout (`attempts`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from hingecraft.payments.model import ProviderFailedError
from hingecraft.providers.port import ProviderRejectedError, ProviderUnknownError

log = logging.getLogger(__name__)

UNAVAILABLE = "The payment provider cannot be reached right now. Try again in a minute."
BUSY = "The payment provider has too many requests right now. Try again in a few seconds."


@contextmanager
def answering(failure: str, sentence: str = UNAVAILABLE) -> Iterator[None]:
    """Raises ProviderFailedError for a call that is not answered or is rejected.

    `failure` is what did not happen, for the log. `sentence` is for the member, unless the provider is only too busy.
    """
    try:
        yield
    except (ProviderRejectedError, ProviderUnknownError) as error:
        log.warning("%s: %s", failure, error)
        if isinstance(error, ProviderRejectedError) and error.code == "provider_busy":
            raise ProviderFailedError(error.code, BUSY) from error
        raise ProviderFailedError("provider_unavailable", sentence) from error


def unavailable() -> ProviderFailedError:
    """The error of a call that was not answered, or that the provider has rejected."""
    return ProviderFailedError("provider_unavailable", UNAVAILABLE)
