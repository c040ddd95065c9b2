"""One licence, named wherever people look for it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def test_the_package_the_charts_and_the_image_have_the_same():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    text = (ROOT / "LICENSE").read_text()
    assert text.lstrip().startswith("Apache License\n                           Version 2.0, January 2004")
    assert (project["license"], project["license-files"]) == ("Apache-2.0", ["LICENSE", "NOTICE"])
    for chart in ("hingecraft", "hingecraft-crds"):
        about = yaml.safe_load((ROOT / "helm" / chart / "Chart.yaml").read_text())
        assert about["annotations"]["artifacthub.io/license"] == "Apache-2.0"
    assert 'org.opencontainers.image.licenses="Apache-2.0"' in (ROOT / "Dockerfile").read_text()
    # The licence wants the notice wherever the work goes; the wheel, and with it the image, takes both along.
    assert " LICENSE NOTICE " in (ROOT / "Dockerfile").read_text()
    assert all((ROOT / name).is_file() for name in project["license-files"])
