"""The provenance of a release: an in-toto statement with SLSA's predicate about how each artifact was built."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

from release.artifacts import CHARTS, SBOM, WHEEL
from release.repository import tracked
from release.signing import digest

FILE = "provenance.json"
# The docs' placeholder: replace it where the sources are published.
_SOURCES = "https://git.example.com/hingecraft"
_LOCKS = (".lock", "package-lock.json", "go.sum")


def statement(folder: Path, *, commit: str, version: str, draft: bool, builder: str) -> dict[str, Any]:
    """`folder` holds the sources and what was built from them; `builder` is a URI."""
    made = [*sorted((folder / WHEEL).iterdir()), *sorted((folder / CHARTS).iterdir()), folder / SBOM]
    locks = [name for name in tracked() if name.endswith(_LOCKS)]
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [_described(file, folder) for file in made],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": f"{_SOURCES}/docs/release.md",
                "externalParameters": {"version": version, "draft": draft},
                "internalParameters": {"python": platform.python_version()},
                "resolvedDependencies": [
                    {"uri": f"git+{_SOURCES}@{commit}", "digest": {"gitCommit": commit}},
                    *(_described(folder / name, folder) for name in locks),
                ],
            },
            "runDetails": {"builder": {"id": builder}},
        },
    }


def _described(file: Path, folder: Path) -> dict[str, Any]:
    return {"name": str(file.relative_to(folder)), "digest": {"sha256": digest(file)}}


def write(folder: Path, **facts: Any) -> None:
    text = json.dumps(statement(folder, **facts), indent=1)
    (folder / FILE).write_text(text + "\n", encoding="utf-8")
