"""`make test`: every tier, with times, JUnit XML and coverage in test_results/, and floors for coverage.

How each test ended is recorded with the commit in test_results/records, from which `make release` fills its sign-off.

Some tiers work, others mostly wait: for processes to come back, for leases to end. One of each runs at the same time,
so that the waits of the second fill no time of their own; when one kind is done, both lanes share what is left of the
other. Each line says how long a tier took, and its CPU time, and in the end the slowest files and tests are listed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import slowest  # noqa: E402 - found by the path above
from release import records  # noqa: E402 - found by the path above
from support import cluster_tools, helm_release, image, s3, stripe_mock  # noqa: E402 - found by the path above
from toolchain import dashboard, debian, node_js  # noqa: E402 - found by the path above
from toolchain.go_tools import MissingToolError  # noqa: E402 - found by the path above

RESULTS = ROOT / "test_results"
COVERAGE_FLOORS = {"core": 90.0, "api": 80.0, "operator": 80.0}


@dataclass(frozen=True)
class Tier:
    """A folder of tests that need the same things."""

    name: str
    what: str
    folder: str
    needs: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    # More than the cores where each waits for other processes half of the time.
    workers: int = 2
    # Whether its coverage counts. Measuring takes CPU time, most of it in libraries: not where a tier runs what other
    # tiers run too, and not in images and pods.
    measured: bool = False
    # Whether it waits more than it works, so that it may run beside a tier that works.
    waits: bool = False
    # What takes longer than a test may, and shows how far it is.
    prepare: Callable[[], object] | None = None


# What a test marked `newest_postgres` proves does not depend on the version of Postgres.
_OLDER = ("-m", "not newest_postgres")
TIERS = (
    Tier("unit", "rules without I/O", "tests/unit", measured=True),
    Tier("db", "migrations, stores, rebuild on Postgres 18", "tests/db", measured=True),
    Tier(
        "db16",
        "the same on Postgres 16",
        "tests/db",
        environment={"HC_TEST_POSTGRES_VERSION": "16"},
        options=_OLDER,
    ),
    Tier("api", "the pods over HTTP", "tests/api", measured=True, prepare=s3.program),
    Tier("money", "checkouts at the sandbox: keys, prefills, links, bad days", "tests/money", workers=3, measured=True),
    Tier(
        "stripe_mock",
        "our requests against Stripe's own description",
        "tests/stripe_mock",
        workers=1,
        prepare=stripe_mock.program,
    ),
    Tier("contract", "the OpenAPI document against a pod, by Schemathesis", "tests/contract"),
    Tier("sync", "engine, fan-out, webhooks", "tests/sync", measured=True),
    Tier(
        "kube",
        "the operator against a real Kubernetes API server",
        "tests/kube",
        workers=4,
        measured=True,
        waits=True,
        prepare=cluster_tools.for_the_operator,
    ),
    Tier("crash", "every cell of docs/crash-matrix.md", "tests/crash", workers=4, waits=True),
    Tier("faults", "bad days, with real processes", "tests/faults", workers=4, waits=True),
    Tier("clocks", "pods whose clocks differ", "tests/clocks", needs=("faketime",), waits=True),
    Tier("velo", "the Wix site's own code, in Node", "tests/velo", prepare=node_js.modules),
    Tier(
        "browser",
        "pages in a browser, from the button to the money",
        "tests/browser",
        needs=("chromium",),
        prepare=dashboard.ready,
    ),
    Tier("shared", "limits that pods share, with a real store", "tests/shared", needs=("redis-server",)),
    Tier("whole", "the commands, as a person runs them", "tests/whole", workers=1, waits=True),
)
# Not part of a plain `make test`: they need what PyPI and the Go modules do not have.
EXTRA_TIERS = (
    Tier(
        "db15",
        "the same on Debian's Postgres 15, the oldest that we support",
        "tests/db",
        needs=("/usr/lib/postgresql/15/bin/postgres",),
        environment={"HC_TEST_POSTGRES_VERSION": "15"},
        options=_OLDER,
    ),
    Tier(
        "image",
        "the image, built and run (as root)",
        "tests/image",
        needs=("buildah", "debootstrap"),
        workers=1,
        prepare=image.ready,
    ),
    Tier(
        "chart",
        "the chart: rendered, judged, refused; its alerts",
        "tests/chart",
        prepare=cluster_tools.for_the_chart,
    ),
    Tier(
        "cluster",
        "an installed release, used and broken",
        "tests/on_cluster",
        workers=0,
        prepare=helm_release.cluster,
    ),
)


def chosen(names: list[str]) -> list[Tier]:
    known = {tier.name: tier for tier in (*TIERS, *EXTRA_TIERS)}
    wanted = [
        each for name in names or ["all"] for each in ([tier.name for tier in TIERS] if name == "all" else [name])
    ]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        sys.exit(f"there is no tier {', '.join(unknown)}; there are: {', '.join(known)}")
    return [known[name] for name in wanted]


def missing(tier: Tier) -> str:
    """Install what the tier needs where we may; answers how to get what is still missing, in one line."""
    packages = {need: _package(need) for need in tier.needs if shutil.which(need) is None}
    debian.install(list(packages.values()))
    left = " ".join(package for need, package in packages.items() if shutil.which(need) is None)
    return f"not run: as root, run: apt-get install {left}" if left else ""


def _package(need: str) -> str:
    """The Debian package of a program; the folder of a Postgres names its package."""
    return f"postgresql-{need.split('/')[4]}" if "/postgresql/" in need else need


@dataclass(frozen=True)
class Result:
    """How a tier ended, in a line."""

    passed: bool
    note: str


class Run:
    """One `make test`: a lane of tiers that work, and beside it a lane of those that wait."""

    def __init__(self, tiers: list[Tier]) -> None:
        self.tiers = tiers
        self.results: dict[str, Result] = {}
        self._lanes = [
            deque(lane) for lane in ([t for t in tiers if not t.waits], [t for t in tiers if t.waits]) if lane
        ]
        self._taking = threading.Lock()
        self._preparing = threading.Lock()
        self._stopped = False

    def all(self) -> dict[str, Result]:
        """Run them; the results are in the order of the tiers."""
        with ThreadPoolExecutor() as pool:
            try:
                for done in [pool.submit(self._in_turn, lane) for lane in self._lanes]:
                    done.result()
            except KeyboardInterrupt:
                self._stopped = True
                raise
        return {tier.name: self.results[tier.name] for tier in self.tiers}

    def _in_turn(self, lane: deque[Tier]) -> None:
        while not self._stopped and (tier := self._next(lane)) is not None:
            self.results[tier.name] = self._one(tier)

    def _next(self, lane: deque[Tier]) -> Tier | None:
        """The next of this lane, then the last of another: the other goes on with its next."""
        with self._taking:
            if lane:
                return lane.popleft()
            return next((other.pop() for other in self._lanes if other), None)

    def _one(self, tier: Tier) -> Result:
        self._say(f"{tier.name}: {tier.what}")
        try:
            # What is installed and built is there once for all tiers.
            with self._preparing:
                without = missing(tier)
                if not without and tier.prepare is not None:
                    tier.prepare()
        except MissingToolError as error:
            without = str(error)
        if without:
            return Result(passed=False, note=without)
        return self._tested(tier)

    def _tested(self, tier: Tier) -> Result:
        """Run pytest. Where another lane runs, the output is kept in a file, and shown when the tier has ended."""
        junit = RESULTS / f"{tier.name}.xml"
        junit.unlink(missing_ok=True)
        recording = records.Recording(tier.name, RESULTS / "records")
        command = [
            sys.executable, "-m", "pytest", tier.folder, "--quiet", f"--numprocesses={tier.workers}",
            "--dist=worksteal", *tier.options,
            f"--junit-xml={junit}", f"-o=junit_suite_name={tier.name}",
            *(("--cov", "--cov-branch", "--cov-report=") if tier.measured else ()),
        ]  # fmt: skip
        environment = {**os.environ, **tier.environment, "COVERAGE_FILE": str(RESULTS / "coverage" / tier.name)}
        started = time.monotonic()
        if len(self._lanes) == 1:
            code, cpu = _ended(subprocess.Popen(command, cwd=ROOT, env=environment))
        else:
            log = RESULTS / f"{tier.name}.log"
            with log.open("wb") as output:
                process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
            code, cpu = _ended(process)
            self._say(f"{tier.name} has ended:\n{log.read_text(errors='replace').strip()}")
        recording.end(records.of_junit(junit))
        took = f"{time.monotonic() - started:.0f} s ({cpu:.0f} s of CPU)"
        return Result(passed=code == 0, note=took if code == 0 else f"FAILED after {took}")

    def _say(self, text: str) -> None:
        print(f"\n{text}", flush=True)


def _ended(process: subprocess.Popen[bytes]) -> tuple[int, float]:
    """Wait for it: its exit code, and the CPU time that it and its processes have used."""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, used.ru_utime + used.ru_stime


def coverage() -> list[str]:
    """Combine what the tiers have measured; answers what is below its floor."""
    data = RESULTS / "coverage" / "all"
    environment = {**os.environ, "COVERAGE_FILE": str(data)}
    parts = [str(part) for part in (RESULTS / "coverage").iterdir()]
    tool = [sys.executable, "-m", "coverage"]
    for step in (
        ["combine", "--quiet", "--keep", *parts],
        ["json", "--quiet", "-o", str(RESULTS / "coverage.json")],
        ["html", "--quiet", "-d", str(RESULTS / "coverage-html")],
    ):
        subprocess.run([*tool, *step], cwd=ROOT, env=environment, check=True)
    print("coverage:")
    files = json.loads((RESULTS / "coverage.json").read_text())["files"]
    below = []
    for root, floor in COVERAGE_FLOORS.items():
        share = _share([report["summary"] for name, report in files.items() if name.startswith(f"{root}/")])
        if share is not None:
            print(f"  {root:<10} {share:.1f} % of lines and branches (floor {floor:.0f})")
            below += [f"coverage of {root} is {share:.1f} %, below {floor:.0f}"] if share < floor else []
    return below


def _share(summaries: list[dict[str, int]]) -> float | None:
    whole = sum(part["num_statements"] + part.get("num_branches", 0) for part in summaries)
    seen = sum(part["covered_lines"] + part.get("covered_branches", 0) for part in summaries)
    return 100 * seen / whole if whole else None


def _clear() -> None:
    """Delete what earlier runs have left. Their records stay: each says which commit it is about."""
    for left in RESULTS.iterdir() if RESULTS.exists() else ():
        if left.name != "records":
            shutil.rmtree(left) if left.is_dir() else left.unlink()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tiers", nargs="*", metavar="TIER")
    tiers = chosen(parser.parse_args().tiers)
    measured = any(tier.measured for tier in tiers)
    if measured:
        _clear()
    (RESULTS / "coverage").mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    results = Run(tiers).all()
    print("\ntiers:")
    for name, result in results.items():
        print(f"  {'ok' if result.passed else 'FAILED':<7} {name:<11} {result.note}")
    print(*slowest.lines(RESULTS / f"{name}.xml" for name in results), sep="\n")
    everything = {tier.name for tier in TIERS} <= set(results)
    below = coverage() if measured and any(result.passed for result in results.values()) else []
    if everything and below:
        print("\n".join(below))
    good = sum(result.passed for result in results.values())
    print(f"\ntiers: {good} passed, {len(results) - good} failed, in {time.monotonic() - started:.0f} s")
    return 0 if good == len(results) and not (everything and below) else 1


if __name__ == "__main__":
    sys.exit(main())
