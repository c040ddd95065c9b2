"""Reject phrases that make a reader stop: old-fashioned words, and words that the project has replaced by another.

It reads documents, docstrings, comments, messages and the names of tests. CONTRIBUTING.md says how we write.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Databases have applied the migrations up to this one: a changed file would be rejected there, so that a phrase that is
# added below could not be corrected in them. Raise it when newer ones are applied.
NEWEST_APPLIED_MIGRATION = 48
_MIGRATION = re.compile(r"migrations/(\d{3})_\w+\.sql")
# From Python 3.12 on, the texts of an f-string are tokens of their own.
STRINGS = {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
PROSE = (".md", ".js", ".mjs", ".ts", ".tsx", ".css", ".sql", ".yaml", ".yml", ".tpl", ".toml", ".sh")
# Their sources are checked.
GENERATED = (
    "wix/html/charter-page-wix-ready.html",
    "wix/html/mission-support.html",
    "wix/html/account.html",
    "wix/html/account-return.html",
    "wix/html/shop.html",
    "wix/html/shop-return.html",
    "wix/dashboard/built/",
    "wix/dashboard/src/api/schema.ts",
    "docs/openapi.json",
    # It quotes the comments of applied migrations.
    "docs/data-model.md",
)

_COMPARED = "longer|more|less|fewer|later|earlier|older|newer|larger|smaller|faster|slower|better|worse|one|doubt"
# What a phrase looks like, and what to write.
PHRASES = (
    (r"who(?:m|so)?ever\b", "name the person or process, or write 'anyone who'"),
    (r"whom\b", "say who does what to 'them', or write 'who'"),
    (r"anew\b", "write 'again'"),
    (r"aloud\b", "leave it out"),
    (r"alone\b", "write 'only' or 'by itself'; for 'leave alone' write 'not touch' or 'not change'"),
    (r"(?:let|lets|letting) go\b", "write 'release', 'close' or 'delete'"),
    (r"(?<!none )of (?:ours|theirs|yours)\b", "write 'our', 'their' or 'your' before the noun"),
    (rf"(?<!there )(?:is|are|was|were) no (?!{_COMPARED})[a-z]+", "write 'is not a ...'"),
    (r"that there (?:is|are|was|were)(?=\s*(?:[.,;:)]|$))", "name the things: 'all reasons', 'each of the metrics'"),
    (r"(?:speaks?|spoke|tells?|told) of\b", "write 'mentions', 'reports' or 'is about'"),
    (r"come to nothing\b|came to nothing\b", "write 'failed'"),
    (r"of (?:before|now)(?=\s*(?:[.,;:)]|$))", "write 'earlier' or 'current' before the noun"),
    (r"work(?:s|ed)? off\b", "write 'process'"),
    (r"operator error\b", "write 'usage error'"),
    (r"audit trail\b|the trail\b", "write 'audit log', or 'payment history' for one payment"),
    (r"whole story\b|the story of\b", "write 'history'"),
)
# A docstring names the thing: "The settings of ...", not "What ... reads".
HEADLESS = re.compile(r'^\s*"""(?:What|Whose|Who|Which) ')
_EACH = [(re.compile(rf"\b(?:{pattern})", re.IGNORECASE), advice) for pattern, advice in PHRASES]
_ANY = re.compile(rf"\b(?:{'|'.join(pattern for pattern, _ in PHRASES)})", re.IGNORECASE)
_TEST = re.compile(r"\s*(?:async )?def (test_\w+)")


def main() -> int:
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    found = [line for name in files if (ROOT / name).is_file() and is_checked(name) for line in problems(name)]
    print("\n".join(found))
    return 1 if found else 0


def is_checked(name: str) -> bool:
    numbered = _MIGRATION.fullmatch(name)
    migrated = numbered is not None and int(numbered[1]) <= NEWEST_APPLIED_MIGRATION
    written = name.endswith((".py", ".html", *PROSE)) or Path(name).name in {"Makefile", "Dockerfile"}
    return written and not migrated and not name.startswith(GENERATED) and name != "scripts/check_words.py"


def problems(name: str) -> Iterator[str]:
    text = (ROOT / name).read_text()
    for number, line in prose_of(text) if name.endswith(".py") else enumerate(text.splitlines(), start=1):
        for phrase, advice in _EACH if _ANY.search(line) else ():
            for hit in phrase.finditer(line):
                yield f"{name}:{number}: {hit[0]!r} is hard to read: {advice}"
    for number, line in enumerate(text.splitlines(), start=1) if name.endswith(".py") else ():
        if HEADLESS.match(line):
            yield f"{name}:{number}: a docstring names its subject first, such as 'The settings of ...', not 'What ...'"


def prose_of(code: str) -> Iterator[tuple[int, str]]:
    """The comments, the texts of several words and the names of tests, line by line."""
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        is_text = token.type in STRINGS and " " in token.string
        if is_text or token.type == tokenize.COMMENT:
            yield from enumerate(token.string.strip("\"'").split("\n"), start=token.start[0])
    for number, line in enumerate(code.split("\n"), start=1):
        if named := _TEST.match(line):
            yield number, named[1].replace("_", " ")


if __name__ == "__main__":
    sys.exit(main())
