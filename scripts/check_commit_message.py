"""A subject of at most 72 characters, an empty line, a body wrapped at 72: `check_commit_message.py FILE`."""

from __future__ import annotations

import sys
from pathlib import Path

LONGEST = 72


def problems(message: str) -> list[str]:
    lines = [line for line in message.splitlines() if not line.startswith("#")]
    if not lines or not lines[0].strip():
        return ["the subject is missing"]
    found = []
    if len(lines[0]) > LONGEST:
        found.append(f"the subject has {len(lines[0])} characters: shorten it to {LONGEST}")
    if lines[0].endswith("."):
        found.append("the subject ends with a full stop: leave that out")
    if len(lines) > 1 and lines[1].strip():
        found.append("the second line has to be empty")
    # An address cannot be wrapped.
    found += [
        f"line {number} has {len(line)} characters: wrap it at {LONGEST}"
        for number, line in enumerate(lines[1:], start=2)
        if len(line) > LONGEST and "://" not in line
    ]
    return found


if __name__ == "__main__":
    wrong = problems(Path(sys.argv[1]).read_text(encoding="utf-8"))
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)
