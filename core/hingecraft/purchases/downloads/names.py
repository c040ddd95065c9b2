"""The name under which a browser saves a file: the last part of its key, in a header by RFC 6266. Pure."""

from __future__ import annotations

import unicodedata
from urllib.parse import quote

# Of a name, in bytes: file systems take 255, and a browser may add a number.
_LONGEST = 240
_LONGEST_SUFFIX = 20
_FORBIDDEN = '"\\'
# RFC 8187's attr-char, beside letters and digits.
_SAFE = "!#$&+-.^_`|~"
_UNNAMED = "download"


def attachment(key: str) -> str:
    """The value of Content-Disposition: a plain name for old clients, and the whole one."""
    name = _cleaned(key.rpartition("/")[2])
    return f"attachment; filename=\"{_plain(name)}\"; filename*=UTF-8''{quote(name, safe=_SAFE)}"


def _cleaned(name: str) -> str:
    kept = "".join(each for each in name if each not in _FORBIDDEN and unicodedata.category(each) not in {"Cc", "Cs"})
    stem, dot, suffix = kept.strip().rpartition(".")
    if not stem or len(suffix.encode()) > _LONGEST_SUFFIX:
        stem, dot, suffix = kept.strip(), "", ""
    ending = dot + suffix
    whole = stem.encode()[: _LONGEST - len(ending.encode())].decode(errors="ignore").rstrip() + ending
    return whole if whole.strip(". ") else _UNNAMED


def _plain(name: str) -> str:
    """Without accents, and with _ for every other character; a percent sign would be decoded by some."""
    stem, dot, suffix = name.rpartition(".")
    if not dot:
        stem, suffix = suffix, ""
    return f"{_ascii(stem).strip('_ ') or _UNNAMED}{dot}{_ascii(suffix)}"


def _ascii(text: str) -> str:
    without_accents = "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    return "".join(each if " " <= each <= "~" and each not in '%"\\' else "_" for each in without_accents)
