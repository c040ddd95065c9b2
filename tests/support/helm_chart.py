"""The chart, as `helm template` renders it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

from support import cluster_tools
from support.helm_release import CHART, Document

# What has no default.
REQUIRED: dict[str, Any] = {
    "site": {"url": "https://www.example.com", "publicUrl": "https://pay.example.com"},
    "database": {"secret": "database"},
    "api": {"secret": "api"},
}


def rendered_text(
    values: Document, *more: str, name: str = "release", chart: Path = CHART
) -> subprocess.CompletedProcess[str]:
    """The finished `helm template`: its output is the manifests, or an error."""
    return subprocess.run(
        [cluster_tools.helm(), "template", name, chart, "--namespace=pay", "--values=-", *more],
        input=json.dumps(values), capture_output=True, text=True, check=False,
    )  # fmt: skip


def rendered(values: Document, *more: str, **which: Any) -> list[Document]:
    done = rendered_text(values, *more, **which)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]
