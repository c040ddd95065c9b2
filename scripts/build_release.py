"""`make release`: this commit, what is built from it, and what its tests have shown, in one zip."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hingecraft.errors import UsageError
from release import archives, artifacts, provenance, records, repository, signing, signoff
from toolchain import dashboard

ROOT = Path(__file__).parents[1]
_UNRELEASED = re.compile(r"^## \[Unreleased\]\n(.*?)(?=^## \[|\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Options:
    """The arguments of a run. `builder` is a URI that the provenance names."""

    into: Path
    records: Path
    key: Path | None
    builder: str
    draft: bool


def changelog_problems(text: str, version: str) -> list[str]:
    """The problems of CHANGELOG.md: all changes of a release belong in a section with its version and date."""
    found = _UNRELEASED.search(text)
    problems = [] if found and not found[1].strip() else ['CHANGELOG.md has lines under "Unreleased"']
    dated = re.search(rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$", text, re.MULTILINE)
    return problems + ([] if dated else [f'CHANGELOG.md has no section "## [{version}] - <date>"'])


def problems(judged: list[signoff.Judged], state: repository.State, version: str) -> list[str]:
    """Why this is not a release yet."""
    found = [] if state.clean else ["The checkout is not a clean commit: `git status` lists what differs."]
    found += [f"{each}." for each in changelog_problems((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version)]
    empty = [each.box.name for each in judged if not each.ticked]
    return found + ([f"Not proved at this commit: {', '.join(empty)}."] if empty else [])


def copy_sources(folder: Path) -> None:
    """The files in git, links replaced by what they lead to, and the dashboard, which is built at set-up."""
    for name in repository.tracked():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target)
        else:
            shutil.copy(ROOT / name, target)
    dashboard.put_in_place()
    built = folder / dashboard.BUILT.relative_to(ROOT)
    shutil.copytree(dashboard.BUILT, built, dirs_exist_ok=True)
    # It would keep git from showing what is built, and would be in the wheel.
    (built / ".gitignore").unlink()


def build(options: Options) -> tuple[Path, list[str]]:
    """Returns the zip, and why it is a draft. Raises UsageError if it cannot be a release and a draft is not wanted."""
    version, state = repository.version(), repository.state()
    if not state.commit:
        raise UsageError("a release is made from a commit: this folder is not a git repository")
    judged = [signoff.judge(box, records.read(options.records), state.commit) for box in signoff.boxes()]
    left = problems(judged, state, version)
    if left and not options.draft:
        raise UsageError("not released:\n" + "\n".join(f"  {each}" for each in left) + "\nDRAFT=1 makes a draft.")
    draft = left or ["It was asked for as a draft."] if options.draft else []
    name = f"hingecraft_payment_release_v{version}{'-draft' if draft else ''}"
    when = repository.committed_at()
    signed = signing.fingerprint(options.key) if options.key else ""
    with tempfile.TemporaryDirectory(prefix="hingecraft-release-") as place:
        folder = Path(place) / name
        copy_sources(folder)
        artifacts.Builder(folder, when).build()
        provenance.write(folder, commit=state.commit, version=version, draft=bool(draft), builder=options.builder)
        text = signoff.document(judged, version=version, commit=state.commit, draft=draft, signed=signed)
        (folder / signoff.FILE).write_text(text, encoding="utf-8")
        signing.write_checksums(folder)
        if options.key:
            signing.sign(folder, options.key)
        options.into.mkdir(parents=True, exist_ok=True)
        archives.write_zip(folder, target := options.into / f"{name}.zip", when)
    return target, draft


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draft", action="store_true", help="also where boxes are empty; the sign-off says so")
    parser.add_argument("--key", type=Path, help="the SSH key that signs the checksums; without it they are not signed")
    parser.add_argument("--builder", default="https://git.example.com/hingecraft/builders/by-hand", help="a URI")
    parser.add_argument("--into", type=Path, default=ROOT / "dist", help="the folder of the zip")
    parser.add_argument("--records", type=Path, default=records.FOLDER, help="the folder of the recorded test runs")
    arguments = parser.parse_args()
    try:
        made, draft = build(Options(**vars(arguments)))
    except UsageError as error:
        print(error, file=sys.stderr)
        return 1
    print(made)
    print(f"{'a DRAFT' if draft else 'a release'}, {'signed' if arguments.key else 'NOT signed: give RELEASE_KEY'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
