"""`verification_signoff.md`: what has to work in a release, each box ticked by the recorded tests that prove it."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from release.records import PASSED, Record
from release.repository import ROOT

FILE = "verification_signoff.md"
TABLE = Path(__file__).with_name("boxes.toml")
_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Box:
    """`tests`: node ids of tests, files, or folders with a slash at their end. All of their tests have to pass."""

    name: str
    says: str
    tests: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A box with what the records of one commit say."""

    box: Box
    passed: int
    missing: tuple[str, ...]

    @property
    def ticked(self) -> bool:
        return not self.missing


def boxes(table: Path = TABLE) -> list[Box]:
    found = tomllib.loads(table.read_text(encoding="utf-8"))["box"]
    return [Box(name=each["name"], says=each["says"], tests=tuple(each["tests"])) for each in found]


def unknown(box: Box, root: Path = ROOT) -> list[str]:
    """The tests of a box that do not exist. A check that is not a function stands in its file as a text."""
    return [node for node in box.tests if not _exists(node, root)]


def _exists(node: str, root: Path) -> bool:
    path, _, name = node.partition("::")
    if not name:
        return (root / path).exists()
    text = (root / path).read_text(encoding="utf-8") if (root / path).is_file() else ""
    return f"def {name}(" in text or f'"{name}"' in text


def judge(box: Box, records: Sequence[Record], commit: str) -> Judged:
    """Only runs of exactly that commit count."""
    valid = [record for record in records if record.is_about(commit)]
    passed, missing = 0, []
    for node in box.tests:
        found = [
            (test, outcome, record.name)
            for record in valid
            for test, outcome in record.tests.items()
            if _is_part(test, node)
        ]
        bad = [f"`{test}`: {outcome} in {name}" for test, outcome, name in found if outcome != PASSED]
        missing += bad if found else [f"`{node}`: not run at this commit"]
        passed += len(found) - len(bad)
    return Judged(box=box, passed=passed, missing=tuple(missing))


def _is_part(test: str, node: str) -> bool:
    return test == node or (test.startswith(node) if node.endswith("/") else test.startswith((f"{node}::", f"{node}[")))


def document(judged: Sequence[Judged], *, version: str, commit: str, draft: Sequence[str], signed: str) -> str:
    """`draft`: why this is not a release, if it is none. `signed`: by which key, or empty."""
    lines = [f"# Verification of HingeCraft payments {version}", ""]
    if draft:
        lines += ["**DRAFT: not for production.**", "", *(f"- {reason}" for reason in draft), ""]
    key = f"`SHA256SUMS` is signed by the key {signed}." if signed else "This release is **not signed**."
    lines += [
        f"Commit `{commit}`. {key} `docs/release.md` says how to verify both.", "",
        "A box is ticked if all tests behind it passed in a recorded run of exactly this commit.", "",
    ]  # fmt: skip
    lines += [line for each in judged for line in _lines(each)]
    lines += ["", "## Accepted by", "", "| role | name | date | signature |", "|---|---|---|---|"]
    lines += [f"| {role} | | | |" for role in ("owner", "engineering", "operation")]
    return "\n".join(lines) + "\n"


def _lines(judged: Judged) -> list[str]:
    box = judged.box
    counted = f"{judged.passed} {'test' if judged.passed == 1 else 'tests'} passed"
    first = f"- [{'x' if judged.ticked else ' '}] **{box.name}**: {box.says} ({counted})"
    more = len(judged.missing) - _SHOWN
    return [
        first,
        *(f"  - proved by `{node}`" for node in box.tests if judged.ticked),
        *(f"  - missing: {each}" for each in judged.missing[:_SHOWN]),
        *([f"  - and {more} more"] if more > 0 else []),
    ]
