"""The details of a row of the audit log, as the values of a sentence. Pure."""

from __future__ import annotations

from typing import Any


class Details(dict[str, Any]):
    """Shows a question mark for values that the row does not have."""

    def __missing__(self, name: str) -> str:
        return "?"

    def filled(self, template: str) -> str:
        """The template with the values in it."""
        return template.format_map(self)
