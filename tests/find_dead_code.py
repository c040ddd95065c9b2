"""Functions, classes and imports that nothing uses. Fields of models are used by those who read the JSON."""

from __future__ import annotations

import sys

from vulture import Vulture

# Called by the tools that they are written for.
CALLED_BY_NAME = [
    "ignore_aliases",  # PyYAML
    "test_*",
    "pytest_*",
    "do_POST",
    "log_message",
    "handle_error",
    "_make_server",
    "get_field_value",
    "settings_customise_sources",
    "teardown",
    # Locust
    "Visitor",
    "on_start",
]
DECORATED = [
    "@pytest.fixture",
    "@pytest.fixture(*",
    "@field_validator",
    "@model_validator",
    "@*.rule",
    "@rule",
    "@task",
]


def main(paths: list[str]) -> int:
    vulture = Vulture(ignore_names=CALLED_BY_NAME, ignore_decorators=DECORATED)
    vulture.scavenge(paths)
    unused = [item for item in vulture.get_unused_code(min_confidence=60) if item.typ not in {"variable", "attribute"}]
    for item in unused:
        print(f"{item.filename}:{item.first_lineno}: unused {item.typ} {item.name}")
    return 1 if unused else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
