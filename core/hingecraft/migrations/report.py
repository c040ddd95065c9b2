"""How a migration says what it is doing."""

from __future__ import annotations

from collections.abc import Callable

Report = Callable[[str], None]
