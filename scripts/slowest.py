"""Where the time of a test run went, from the JUnit files of its tiers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

_FILES, _TESTS = 12, 8


@dataclass(frozen=True, order=True)
class Took:
    """The seconds of a file or a test, in one tier."""

    seconds: float
    tier: str
    name: str

    def __str__(self) -> str:
        return f"  {self.seconds:6.0f} s  {self.tier:<11} {self.name}"


def lines(results: Iterable[Path]) -> list[str]:
    """The files and tests that took longest, for people."""
    tests = [each for result in results if result.exists() for each in _tests(result)]
    files: dict[tuple[str, str], float] = defaultdict(float)
    for test in tests:
        files[test.tier, test.name.partition("::")[0]] += test.seconds
    slowest = sorted((Took(seconds, *where) for where, seconds in files.items()), reverse=True)[:_FILES]
    longest = sorted(tests, reverse=True)[:_TESTS]
    return ["slowest files:", *map(str, slowest), "slowest tests:", *map(str, longest)]


def _tests(result: Path) -> list[Took]:
    return [
        Took(float(case.get("time", 0)), result.stem, f"{_file(case)}::{case.get('name')}")
        for case in ET.parse(result).iter("testcase")  # noqa: S314 - written by our own run
    ]


def _file(case: ET.Element) -> str:
    return case.get("classname", "").rpartition(".")[2]
