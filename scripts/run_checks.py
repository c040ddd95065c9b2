"""`make check`: each check in turn, all of them even when one fails, with its time."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from release import records
from toolchain import dashboard, node_js

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
LONGEST_FILE = 400
GENERATED = ("wix/dashboard/built/", "wix/dashboard/src/api/schema.ts")
SOURCES = ["core", "api", "operator", "sandbox", "scripts", "tests", "loadtests"]

CHECKS: dict[str, list[str]] = {
    # `make setup` installs just what the lock lists, and looks for nothing that it may lack.
    "the lock is complete": [sys.executable, "-m", "pip", "check"],
    "format": [str(BIN / "ruff"), "format", "--check", "."],
    "lint": [str(BIN / "ruff"), "check", "."],
    "types": [str(BIN / "mypy"), *SOURCES],
    "layers": [str(BIN / "lint-imports"), "--no-cache"],
    "migrations": [str(BIN / "squawk"), "--config", ".squawk.toml", "migrations/*.sql"],
    "dead code": [str(BIN / "vulture")],
    "spelling": [str(BIN / "codespell")],
    # Strict: a link or an anchor that leads nowhere, or a page that is missing in the navigation, fails.
    "docs": [str(BIN / "mkdocs"), "build", "--strict", "--quiet", "--site-dir", "test_results/docs"],
    "words": [sys.executable, "scripts/check_words.py"],
    "secrets": [sys.executable, "scripts/scan_secrets.py"],
    "sizes and heights of the dashboard": [sys.executable, "scripts/check_dashboard.py"],
}
# The site's own code, by tools of npm; their folder is `wix`.
SITE_CHECKS: dict[str, list[str]] = {
    "format of the site": ["node_modules/prettier/bin/prettier.cjs", "--check", "--log-level=warn", "."],
    "lint of the site": ["node_modules/eslint/bin/eslint.js", "."],
    "types of the site": ["types/check.mjs"],
}


def files_too_long() -> list[str]:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    code = [
        name
        for name in tracked
        if name.endswith((".py", ".js", ".mjs", ".jsw", ".ts", ".tsx", ".sh", ".css", ".sql"))
        and not name.startswith(GENERATED)
    ]
    sizes = {name: len((ROOT / name).read_text().splitlines()) for name in code if (ROOT / name).exists()}
    return [
        f"{name} has {lines} lines; the limit is {LONGEST_FILE - 1}: split it along a seam"
        for name, lines in sizes.items()
        if lines >= LONGEST_FILE
    ]


def run(name: str, command: list[str], folder: Path = ROOT) -> bool:
    started = time.monotonic()
    expanded = [part for word in command for part in (sorted(map(str, ROOT.glob(word))) if "*" in word else [word])]
    done = subprocess.run(expanded, cwd=folder, env=node_js.environment(), capture_output=True, text=True, check=False)
    print(f"  {'ok' if done.returncode == 0 else 'FAILED':<7} {name} ({time.monotonic() - started:.1f} s)", flush=True)
    if done.returncode != 0:
        print(done.stdout + done.stderr, flush=True)
    return done.returncode == 0


def main() -> int:
    recording = records.Recording("check")
    results = {name: run(name, command) for name, command in CHECKS.items()}
    node_js.modules()
    for name, command in SITE_CHECKS.items():
        results[name] = run(name, [str(node_js.NODE), *command], node_js.WIX)
    results["types of the dashboard"] = run("types of the dashboard", dashboard.check_types(), dashboard.FOLDER)
    long_files = files_too_long()
    print("\n".join(long_files) if long_files else "  ok      length of files")
    recording.end({f"scripts/run_checks.py::{name}": records.outcome(good) for name, good in results.items()})
    return 0 if all(results.values()) and not long_files else 1


if __name__ == "__main__":
    sys.exit(main())
