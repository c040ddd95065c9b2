"""Where the files of pages are."""

from __future__ import annotations

from pathlib import Path

import hingecraft_api

_PACKAGE = Path(hingecraft_api.__file__).parent


def folder_of(packaged: str, source: str) -> Path:
    """A folder of the installed package, or in a checkout the folder that it is packaged from."""
    folder = _PACKAGE / packaged
    return folder if folder.is_dir() else _PACKAGE.parents[1] / source
