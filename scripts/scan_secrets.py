"""Looks for secrets, addresses of package registries and paths of a machine in the tree and in its whole history."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from detect_secrets.core.scan import scan_line
from detect_secrets.settings import transient_settings

ROOT = Path(__file__).parents[1]

DETECTORS = (
    "AWSKeyDetector",
    "BasicAuthDetector",
    "GitHubTokenDetector",
    "GitLabTokenDetector",
    "JwtTokenDetector",
    "NpmDetector",
    "PrivateKeyDetector",
    "PypiTokenDetector",
    "SendGridDetector",
    "SlackDetector",
    "StripeDetector",
    "TwilioKeyDetector",
)
# Written in pieces, so that this file does not find itself.
OWN_PATTERNS = {
    "address of a package registry": re.compile(
        "files[.]python" + "hosted|//pypi[.]" + "org|registry[.]npm" + "js|proxy[.]golang"
    ),
    "webhook secret": re.compile(r"whsec_[A-Za-z0-9+/]{30,}"),
    "live key": re.compile(r"[srp]k_live_[A-Za-z0-9]{8,}"),
    "home folder": re.compile(r"/(?:home|Users)/[a-z]\w+/"),
}
# The last ones are tokens in examples, whose signature is the word "signature", or "sig" after no content at all.
MADE_UP = re.compile(
    r"://(?:user|hingecraft|someone|somebody|me):[^@\s]*@|dev-[a-z]+-secret|whsec_(?:dGVzdC1|c2VjcmV0)|\.c2lnbmF0dXJl\b|\.e30\.c2ln\b"
)
LINES_OF_LOCK_FILES = re.compile(r"^\s+--hash=")


def tree() -> Iterator[tuple[str, str]]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.is_file():
            for line in path.read_text(errors="replace").splitlines():
                yield name, line


def history() -> Iterator[tuple[str, str]]:
    log = subprocess.run(
        ["git", "log", "--all", "--patch", "--unified=0", "--no-color", "--format=%H"],
        cwd=ROOT, capture_output=True, text=True, errors="replace", check=True,
    )  # fmt: skip
    where = ""
    for line in log.stdout.splitlines():
        if line.startswith("+++ "):
            where = f"history of {line[6:]}"
        elif line.startswith("+"):
            yield where, line[1:]


def findings(lines: Iterator[tuple[str, str]]) -> Iterator[str]:
    for where, line in lines:
        if LINES_OF_LOCK_FILES.match(line) or MADE_UP.search(line):
            continue
        for what, pattern in OWN_PATTERNS.items():
            if pattern.search(line):
                yield f"{where}: {what}"
        for secret in scan_line(line):
            yield f"{where}: {secret.type}"


def main() -> int:
    with transient_settings({"plugins_used": [{"name": name} for name in DETECTORS]}):
        found = sorted({*findings(tree()), *findings(history())})
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
