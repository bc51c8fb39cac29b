"""Which of today's cases the scripts of an earlier commit fail, and why:

python tests/reaper_scripts/earlier_scripts.py COMMIT [CASES ...]
"""

from __future__ import annotations

import argparse
import io
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FAILED = re.compile(r"^FAILED (?P<name>.+)\n(?P<why>.*)$", re.MULTILINE)


def scripts_of(commit: str, folder: Path) -> Path:
    """Lay the scripts of a commit into a folder; returns where they are."""
    words = ["git", "archive", commit, "reaper_scripts"]
    packed = subprocess.run(words, cwd=ROOT, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return folder / "reaper_scripts"


def failures(
    scripts: Path, cases: Path, api_table: Path, folder: Path
) -> Iterator[tuple[str, str]]:
    """Run the cases of a file over those scripts: the name of each that fails, and the reason."""
    command = ["lua5.4", "double/play.lua", api_table, scripts, folder, cases]
    ran = subprocess.run(
        [str(word) for word in command], cwd=HERE, capture_output=True, check=False,
        encoding="utf-8", errors="replace",
    )  # fmt: skip
    for found in FAILED.finditer(ran.stderr):
        yield found["name"], found["why"]


def main() -> None:
    parser = argparse.ArgumentParser(description="Run today's cases over earlier scripts.")
    parser.add_argument("commit")
    parser.add_argument("cases", nargs="*", help="files of cases/ without .lua; all of them")
    asked = parser.parse_args()
    sys.path.insert(0, str(HERE))
    import reaper_api

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        reaper_api.write_table(folder / "api.lua")
        scripts = scripts_of(asked.commit, folder)
        for path in sorted((HERE / "cases").glob("*.lua")):
            if asked.cases and path.stem not in asked.cases:
                continue
            for name, why in failures(scripts, path, folder / "api.lua", folder / path.stem):
                print(f"{path.stem}: {name}\n    {why[:200]}", flush=True)


if __name__ == "__main__":
    main()
