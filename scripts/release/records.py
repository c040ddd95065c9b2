"""Records of runs: how each test or check ended, and at which commit, in `test_results/records/<name>.json`.

The sign-off of a release is filled from these, so a record is about one commit: `clean` says that the checkout held
just that commit, from the beginning of the run to its end.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from release.repository import ROOT, state

FOLDER = ROOT / "test_results" / "records"
PASSED = "passed"
_UNLIKE_PASSED = ("failure", "error", "skipped")


@dataclass(frozen=True)
class Record:
    """`tests`: each test by its node id, such as tests/db/test_rebuild.py::test_x[1], with how it ended."""

    name: str
    commit: str
    clean: bool
    tests: Mapping[str, str]

    def is_about(self, commit: str) -> bool:
        return self.clean and self.commit == commit


class Recording:
    """A run that has begun. The record of an earlier run of this name is deleted, so that it is not taken for this."""

    def __init__(self, name: str, folder: Path = FOLDER) -> None:
        self._name = name
        self._file = folder / f"{name}.json"
        self._file.unlink(missing_ok=True)
        self._begun = state()

    def end(self, tests: Mapping[str, str]) -> None:
        clean = self._begun.clean and self._begun == state()
        record = Record(self._name, self._begun.commit, clean, dict(sorted(tests.items())))
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps(asdict(record), indent=1) + "\n", encoding="utf-8")


def outcome(good: bool) -> str:  # noqa: FBT001 - how a run that has no JUnit file ended
    return PASSED if good else "failure"


def read(folder: Path = FOLDER) -> list[Record]:
    return [Record(**json.loads(file.read_text(encoding="utf-8"))) for file in sorted(folder.glob("*.json"))]


def of_junit(file: Path) -> dict[str, str]:
    """The tests of a JUnit file of pytest. A test with several entries, such as an error afterwards, is the worst."""
    found: dict[str, str] = {}
    for case in ET.parse(file).iter("testcase") if file.exists() else ():  # noqa: S314 - written by our own run
        node = f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}"
        outcome = next((word for word in _UNLIKE_PASSED if case.find(word) is not None), PASSED)
        if found.get(node, PASSED) == PASSED:
            found[node] = outcome
    return found
