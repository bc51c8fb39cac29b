"""ReaPack's index of the scripts, checked by its rules and built:

python tests/reaper_scripts/reapack_index.py --commit SHA --url 'https://host/$commit/$path'

The rules are those of cfillion's reapack-index, which needs Ruby: a file of a package's kind in
any folder is a package unless its header says @noindex or .reapack-index.conf leaves it out; a
header is the text up to the first empty line.
"""

from __future__ import annotations

import argparse
import fnmatch
import re
import shlex
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[2]
PACKAGE_KINDS = {
    ".lua": "script", ".eel": "script", ".py": "script", ".ext": "extension", ".jsfx": "effect",
    ".data": "data", ".theme": "theme", ".reaperlangpack": "langpack", ".www": "webinterface",
    ".rpp": "projecttpl", ".rtracktemplate": "tracktpl", ".txt": "midinotenames",
    ".reaperautoitem": "autoitem", ".reaperkeymap": "keymap",
}  # fmt: skip
PLATFORMS = {
    "all", "windows", "win32", "win64", "windows-arm64ec", "darwin", "darwin32", "darwin64",
    "darwin-arm64", "linux", "linux32", "linux64", "linux-armv7l", "linux-aarch64",
}  # fmt: skip
SECTIONS = {
    "main", "midi_editor", "midi_inlineeditor", "midi_eventlisteditor", "mediaexplorer",
    "crossfade_editor",
}  # fmt: skip
ONE_LINE = ("version", "author", "description")
MAX_VERSION_NUMBER = 65_535

_TAG = re.compile(
    r"(?P<prefix>.*?)(?:@(?P<name>\w+)|(?P<other>\w[\w\s]*?)\s*:)(?:\s+(?P<value>.+))?"
)
_PROVIDES = re.compile(
    r"(?:\[\s*(?P<options>[^]]+?)\s*\])?\s*(?P<pattern>.+?)"
    r"(?:\s+>\s+(?P<target>\S.*?))?(?:\s+(?P<url>(?:file|https?)://.+))?"
)
_FORBIDDEN = re.compile(r'[*\\:<>?|"\x00-\x1f]')


class PackageError(ValueError):
    """A header or a file breaks ReaPack's rules; the message names it."""


@dataclass(frozen=True)
class Source:
    """One file of a package: where it lies in the repository, and where it is installed.

    `target` is relative to the package's folder; `sections` are REAPER's action lists it is
    registered in, empty for a file that is no action.
    """

    path: str
    target: str
    sections: tuple[str, ...]
    platform: str = "all"


@dataclass(frozen=True)
class Package:
    """A package as its header has it."""

    path: str
    tags: dict[str, str]
    sources: tuple[Source, ...]


def header(text: str) -> dict[str, str]:
    """Read the tags of a header; a value goes on in lines indented more than its tag."""
    tags: dict[str, str] = {}
    last, prefix = "", ""
    for line in text.splitlines():
        if not line.strip():
            break
        rest = line.removeprefix(prefix) if last and line.startswith(prefix) else ""
        if rest.startswith((" ", "\t")):
            tags[last] = "\n".join(filter(None, (tags[last], rest.strip())))
            continue
        if last and line.rstrip() == prefix.rstrip():
            tags[last] += "\n"
            continue
        last = ""
        match = _TAG.fullmatch(line.rstrip())
        if match:
            prefix = match["prefix"]
            last = (match["name"] or re.sub(r"\W", "_", match["other"])).lower()
            tags[last] = match["value"] or ""
    return {name: value.strip("\n") for name, value in tags.items()}


def packages(root: Path, files: Sequence[str]) -> list[Package]:
    """Find the packages among a repository's files; raises PackageError for one that is wrong."""
    ignored = _ignored(root)
    found = []
    for path in files:
        pure = PurePosixPath(path)
        if pure.suffix.lower() not in PACKAGE_KINDS or len(pure.parts) < 2:
            continue
        if any(path == each or path.startswith(each + "/") for each in ignored):
            continue
        tags = header((root / path).read_text(encoding="utf-8"))
        if "noindex" in tags:
            if tags["noindex"] not in ("", "true"):
                raise PackageError(f"{path}: @noindex cannot have a value")
            continue
        found.append(Package(path, tags, tuple(_sources(path, tags, files))))
    _check_installed_once(found)
    return found


def build(found: Sequence[Package], name: str, url: str, commit: str, time: datetime) -> str:
    """Write index.xml; in `url` $commit, $path and $version are replaced."""
    index = ElementTree.Element("index", version="1", name=name, commit=commit)
    for package in found:
        pure, tags = PurePosixPath(package.path), package.tags
        category = ElementTree.SubElement(index, "category", name=str(pure.parent))
        described = {"desc": tags["description"]} if "description" in tags else {}
        kind = PACKAGE_KINDS[pure.suffix]
        item = ElementTree.SubElement(category, "reapack", name=pure.name, type=kind, **described)
        if tags.get("about"):
            metadata = ElementTree.SubElement(item, "metadata")
            ElementTree.SubElement(metadata, "description").text = tags["about"]
        stamp = time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        author = {"author": tags["author"]} if "author" in tags else {}
        version = ElementTree.SubElement(
            item, "version", name=tags["version"], **author, time=stamp
        )
        if tags.get("changelog"):
            ElementTree.SubElement(version, "changelog").text = tags["changelog"]
        for source in package.sources:
            attributes = {"main": " ".join(source.sections)} if source.sections else {}
            if source.platform != "all":
                attributes["platform"] = source.platform
            if source.path != package.path:
                attributes["file"] = source.target
            node = ElementTree.SubElement(version, "source", attributes)
            node.text = (
                url.replace("$commit", commit)
                .replace("$path", source.path)
                .replace("$version", tags["version"])
            )
    ElementTree.indent(index)
    return ElementTree.tostring(index, encoding="unicode", xml_declaration=True) + "\n"


def repository_files(root: Path) -> list[str]:
    """What git has of the work tree, and what it would add."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(words, cwd=root, check=True, capture_output=True, text=True).stdout
    return sorted(path for path in set(listed.split("\0")) if path and (root / path).is_file())


def _ignored(root: Path) -> list[str]:
    lines = shlex.split((root / ".reapack-index.conf").read_text(encoding="utf-8"))
    return [line.removeprefix("--ignore=") for line in lines if line.startswith("--ignore=")]


def _sources(path: str, tags: dict[str, str], files: Sequence[str]) -> Iterator[Source]:
    for name in ONE_LINE:
        if "\n" in tags.get(name, ""):
            raise PackageError(f"{path}: @{name} must be one line")
    version = tags.get("version", "")
    if not re.match(r"\d", version):
        raise PackageError(f"{path}: @version must begin with a digit, not {version!r}")
    if any(int(number) > MAX_VERSION_NUMBER for number in re.findall(r"\d+", version)):
        raise PackageError(f"{path}: @version {version} has a number above {MAX_VERSION_NUMBER}")
    found = [
        source
        for line in tags.get("provides", "").splitlines()
        for source in _provided(path, line, files)
    ]
    if not any(source.path == path for source in found):
        found.insert(0, Source(path, PurePosixPath(path).name, ("main",)))
    yield from found


def _provided(path: str, line: str, files: Sequence[str]) -> Iterator[Source]:
    match = _PROVIDES.fullmatch(line.strip())
    if match is None or match["url"]:
        raise PackageError(f"{path}: @provides {line.strip()!r} is not understood")
    sections, platform, is_nomain = (), "all", False
    for option in (match["options"] or "").lower().split():
        name, _, value = option.partition("=")
        if option in PLATFORMS:
            platform = option
        elif name == "main":
            sections = tuple(filter(None, value.split(","))) or ("main",)
        elif option == "nomain":
            is_nomain = True
        elif option not in PACKAGE_KINDS.values():
            raise PackageError(f"{path}: @provides has the unknown option {option!r}")
        if not set(sections) <= SECTIONS:
            raise PackageError(f"{path}: @provides names the unknown section {value!r}")
    folder, pattern = PurePosixPath(path).parent, match["pattern"]
    if pattern == ".":
        matching = [path]
    else:
        wanted = str(folder / pattern)
        depth = wanted.count("/")
        matching = [f for f in files if f.count("/") == depth and fnmatch.fnmatchcase(f, wanted)]
    if not matching:
        raise PackageError(f"{path}: @provides {pattern}: there is no such file")
    for file in matching:
        target = str(PurePosixPath(file).relative_to(folder))
        if match["target"]:
            target = match["target"] + (
                PurePosixPath(file).name if match["target"][-1] == "/" else ""
            )
        if any(_FORBIDDEN.search(part) or part[-1] in ". " for part in target.split("/")):
            raise PackageError(f"{path}: {target!r} is no name that every system takes")
        if file == path and not match["options"] and not is_nomain:
            sections = ("main",)
        yield Source(file, target, sections, platform)


def _check_installed_once(found: Sequence[Package]) -> None:
    owners: dict[tuple[str, str], str] = {}
    for package in found:
        for source in package.sources:
            place = (str(PurePosixPath(package.path).parent / source.target), source.platform)
            if place in owners:
                raise PackageError(
                    f"{place[0]} is installed twice: by {owners[place]}, {package.path}"
                )
            owners[place] = package.path


def main() -> None:
    parser = argparse.ArgumentParser(description="Build ReaPack's index.xml.")
    parser.add_argument("--commit", required=True, help="the commit the files are fetched from")
    parser.add_argument("--url", required=True, help="with $commit and $path, and maybe $version")
    parser.add_argument("--name", default="backline", help="of the repository in ReaPack")
    parser.add_argument("-o", "--out", type=Path, default=Path("index.xml"))
    asked = parser.parse_args()
    if "$path" not in asked.url or not re.match(r"(https?|file)://", asked.url):
        parser.error("--url must be an http, https or file URL that holds $path")
    found = packages(ROOT, repository_files(ROOT))
    text = build(found, asked.name, asked.url, asked.commit, datetime.now(UTC))
    asked.out.write_text(text, encoding="utf-8", newline="\n")
    print(f"{asked.out}: {len(found)} package, {sum(len(p.sources) for p in found)} files")


if __name__ == "__main__":
    main()
