"""`hingecraft api` of a pod that serves no members: what it costs others that members are served is measured by it."""

from __future__ import annotations

import sys

from hingecraft_api import systems
from hingecraft_api.features.credits import CREDITS
from hingecraft_api.features.members import MEMBERS
from hingecraft_api.features.purchases import PURCHASES
from hingecraft_api.features.stats import STATISTICS
from hingecraft_api.features.subscriptions import SUBSCRIPTIONS

# Before the application is put together.
_FOR_MEMBERS = (CREDITS, MEMBERS, PURCHASES, STATISTICS, SUBSCRIPTIONS)
systems.FEATURES = tuple(each for each in systems.FEATURES if each not in _FOR_MEMBERS)

from hingecraft.cli import main  # noqa: E402 - it loads the application

if __name__ == "__main__":
    sys.exit(main(["api"]))
