"""The git repository: its commit, its tracked files, and whether anything is changed."""

from __future__ import annotations

import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class State:
    """`commit` is empty where the folder is not a repository. `clean`: nothing is changed, and nothing untracked."""

    commit: str
    clean: bool


def git(*arguments: str, root: Path = ROOT) -> str:
    """The output of git; empty where it fails."""
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


def state(root: Path = ROOT) -> State:
    commit = git("rev-parse", "HEAD", root=root).strip()
    return State(commit=commit, clean=bool(commit) and not git("status", "--porcelain", root=root))


def committed_at(root: Path = ROOT) -> int:
    """When the commit was made, in seconds since 1970."""
    return int(git("show", "--no-patch", "--format=%ct", "HEAD", root=root))


def tracked(root: Path = ROOT) -> list[str]:
    """The names of the files in git, sorted. A link is one name, whatever it leads to."""
    return sorted(name for name in git("ls-files", "-z", root=root).split("\0") if name and (root / name).exists())


def version(root: Path = ROOT) -> str:
    """The version of the product, from the only place where it is set."""
    found: str = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    return found
