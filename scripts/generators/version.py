"""The product's version in files that cannot read it from pyproject.toml."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from release.repository import ROOT, version

_NUMBER = r"\d+\.\d+\.\d+"
# Each file, with what stands before a version there; what another program's version stands behind is not listed.
_BEFORE = {
    "Dockerfile": r"^ARG VERSION=",
    "helm/hingecraft/Chart.yaml": r"^version: |^appVersion: \"",
    "helm/hingecraft-crds/Chart.yaml": r"^version: |^appVersion: \"",
    "docs/deployment.md": r"/hingecraft:|/hingecraft, tag: ",
    "docs/gitops.md": r"targetRevision: v|tag: v|/hingecraft, tag: ",
    "docs/release.md": r"_release_v|tag --sign v|`## \[",
}


def _with_version(name: str) -> str:
    text = (ROOT / name).read_text(encoding="utf-8")
    return re.sub(rf"({_BEFORE[name]}){_NUMBER}", rf"\g<1>{version()}", text, flags=re.MULTILINE)


FILES: dict[str, Callable[[], str]] = {name: partial(_with_version, name) for name in _BEFORE}
