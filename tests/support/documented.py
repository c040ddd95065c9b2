"""The commands in docs/: a comment before each block says which tests run it, or why none does.

- `<!-- run: whole, kube -->`: the tests of these tiers run it, as it stands
- `<!-- run: tests/db/test_x.py -->`: that file runs it
- `<!-- not run: why -->`
"""

from __future__ import annotations

import asyncio
import os
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from support.limits import PROGRESS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
TIERS = ("whole", "kube", "cluster")
# The languages of blocks that a person runs.
COMMANDS = ("sh", "sql")
_BLOCK = re.compile(
    r"^(?P<indent> *)(?:<!-- (?P<mark>[^\n]*) -->\n *)?```(?P<language>[^\n]*)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_PLACEHOLDER = re.compile(r"<[a-z]+(?: [a-z]+)*>")
# What a block exports is there for those after it, as in one shell.
_KEEP = "trap 'env -0 >\"$EXPORTED\"' EXIT\n"
# What a person types where a block reads a line.
TYPED = "a-key-of-the-provider\n"


class CommandFailedError(Exception):
    """A documented command failed."""


@dataclass(frozen=True)
class Block:
    """A block of code on a page."""

    page: str
    line: int
    language: str
    mark: str
    text: str

    @property
    def place(self) -> str:
        return f"docs/{self.page}:{self.line}"

    @property
    def run_by(self) -> list[str]:
        """The tiers or test files that its mark names."""
        kind, _, names = self.mark.partition(": ")
        return names.split(", ") if kind == "run" else []

    @property
    def not_run_because(self) -> str:
        kind, _, reason = self.mark.partition(": ")
        return reason if kind == "not run" else ""


def blocks_of(page: str) -> list[Block]:
    """The blocks of a page of docs/, in order."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return [
        Block(
            page, text.count("\n", 0, found.start()) + 1, found["language"], found["mark"] or "",
            textwrap.dedent(found["text"]),
        )
        for found in _BLOCK.finditer(text)
    ]  # fmt: skip


def pages() -> Iterator[str]:
    for path in sorted((*DOCS.glob("*.md"), *DOCS.glob("runbooks/*.md"))):
        yield path.relative_to(DOCS).as_posix()


def blocks_for(page: str, tier: str) -> list[Block]:
    """Those that tests of this tier run."""
    return [block for block in blocks_of(page) if tier in block.run_by]


def pages_for(tier: str) -> list[str]:
    """The pages with blocks that tests of this tier run."""
    return [page for page in pages() if blocks_for(page, tier)]


class Shell:
    """Runs the blocks of one page as one person does: in one folder, with what earlier blocks have exported."""

    def __init__(self, folder: Path, examples: Mapping[str, str], **environment: str) -> None:
        """`examples`: what to run instead of the placeholders and addresses that the pages show."""
        self.folder = folder
        self.within = PROGRESS
        self.typed = TYPED
        self.examples = dict(examples)
        self.environment = {**os.environ, **environment, "EXPORTED": str(folder / "exported")}

    async def page(self, page: str, tier: str) -> list[str]:
        """Run the page's blocks for this tier; answers what each has printed."""
        return [await self.run(block) for block in blocks_for(page, tier)]

    async def run(self, block: Block) -> str:
        text = block.text
        for shown, real in self.examples.items():
            text = text.replace(shown, real)
        if left := _PLACEHOLDER.search(text):
            raise CommandFailedError(f"{block.place}: nothing stands for {left[0]}")
        if block.language == "sql":
            address = self.environment["DATABASE_URL"]
            return await self._run(block, text, "psql", "--no-psqlrc", "--set=ON_ERROR_STOP=1", address)
        output = await self._run(block, self.typed, "bash", "-euo", "pipefail", "-c", _KEEP + text)
        exported = (self.folder / "exported").read_text().split("\0")
        self.environment |= dict(each.split("=", 1) for each in exported if "=" in each)
        return output

    async def _run(self, block: Block, given: str, *command: str) -> str:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=self.folder, env=self.environment,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(self.within):
                output, errors = await process.communicate(given.encode())
        except TimeoutError:
            process.kill()
            await process.communicate()
            raise CommandFailedError(f"{block.place} does not end within {self.within:.0f} s:\n{block.text}") from None
        if process.returncode:
            said = f"{output.decode()}{errors.decode()}"[-3000:]
            raise CommandFailedError(f"{block.place} ends with exit code {process.returncode}:\n{block.text}\n{said}")
        return output.decode()
