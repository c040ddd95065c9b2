"""Reports the progress of a migration."""

from __future__ import annotations

from collections.abc import Callable

Report = Callable[[str], None]
