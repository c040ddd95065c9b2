"""The limit of a wait whose length is not what the test is about."""

from __future__ import annotations

# Seconds. Far more than a slow and busy machine needs: it is reached only where nothing happens any more.
PROGRESS = 60.0
