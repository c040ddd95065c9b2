"""Suggests a name or path for one that does not exist."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher

_LONGEST = 100
_ALIKE = 0.75


def nearest(typed: str, known: Iterable[str]) -> str | None:
    """The known name that is most like the typed one, or None if none is like it."""
    return _best([(_likeness(typed, name), name) for name in known])


def nearest_path(typed: str, templates: Iterable[str]) -> str | None:
    """The path that is most like the typed one. Parts such as `{id}` match anything."""
    segments = typed.strip("/").split("/")
    return _best(
        [
            (_likeness(*_literal(segments, parts)), template)
            for template in templates
            if len(parts := template.strip("/").split("/")) == len(segments)
        ]
    )


def _literal(segments: list[str], parts: list[str]) -> tuple[str, str]:
    pairs = [(segment, part) for segment, part in zip(segments, parts, strict=True) if not part.startswith("{")]
    return "/".join(segment for segment, _ in pairs), "/".join(part for _, part in pairs)


def _likeness(typed: str, name: str) -> float:
    if len(typed) > _LONGEST:
        return 0.0
    return SequenceMatcher(None, typed.lower(), name.lower()).ratio()


def _best(found: list[tuple[float, str]]) -> str | None:
    likeness, name = max(found, default=(0.0, ""))
    return name if likeness >= _ALIKE else None
