"""Taking a user's names and paths out of texts that are sent to strangers.

What is not known to be ours is taken for private: any absolute path but those of the program's own
source files, the names of the files they end in, the user's and the machine's names, and the words
of a song.
"""

from __future__ import annotations

import getpass
import json
import platform
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path, PureWindowsPath

ROOT = Path(__file__).resolve().parent.parent
# Of a manifest or an order: what a user has called or written, by its key.
PRIVATE_KEYS = frozenset({"project", "lyrics", "title"})
NO_NAMES = frozenset({"root", "user", "admin", "administrator", "home", "localhost", "reaper"})
LEAST_LETTERS = 3  # a shorter word would be found within others
# Where a path without quotes around it ends: names may hold spaces, commas and brackets, but rarely
# go on after such a suffix.
_SUFFIXES = "|".join(
    rf"(?<=\.{each})" for each in ("wav", "flac", "mp3", "mid", "json", "log", "rpp")
)
_REST = rf"""(?:(?!:\s|\s->\s|\s[-\w]+=|(?:{_SUFFIXES})[,;)\s])[^"'`<>|\r\n])*"""
_PATHS = re.compile(
    rf"""file:/+[^\s"'<>]*|(?<![\w:])[A-Za-z]:[\\/]{_REST}|\\\\[\w.$?-]{_REST}"""
    rf"""|(?<![\w:/>.~\\])~[\w.-]*/{_REST}|(?<![\w:/>.~\\])/(?=[^\s/]){_REST}"""
)
_ABSOLUTE = re.compile(r"file:/|[A-Za-z]:[\\/]|\\\\|~[\w.-]*/|/(?!\s|$)")
_HIDDEN = "/~hidden"  # begins a path in place of a known one
_OURS = re.compile(r"/backline(?:/[a-z.]+)+(?![/\w])")  # an OSC address


class Redaction:
    """What is private here: grows as texts and values are read, and is taken out of all of them."""

    def __init__(self, names: Iterable[str] = (), places: Iterable[Path] = ()) -> None:
        self._words = {word for name in names for word in _spellings(name)}
        self._places = {place for path in places for place in _spellings(str(path))}
        self._roots = [(str(ROOT), "<backline>"), (sys.prefix, "<python>")]
        self._roots += [(sys.base_prefix, "<python>")]

    def learn(self, value: object) -> None:
        """Find out which files and songs a value of JSON names, to know them in other texts."""
        for key, text in _texts(value):
            if key in PRIVATE_KEYS:
                self._words |= set(_spellings(text))
            if _ABSOLUTE.match(text) and not _OURS.match(text):
                self._places |= set(_spellings(text.rstrip("/\\")))
                self._words |= set(_spellings(PureWindowsPath(text.rstrip("/\\")).stem))

    def of_value(self, value: object, key: str = "") -> object:
        """Return a value of JSON without what is private."""
        if isinstance(value, dict):
            return {self.of_text(name): self.of_value(value[name], name) for name in value}
        if isinstance(value, list | tuple):
            return [self.of_value(each, key) for each in value]
        if not isinstance(value, str):
            return value
        if key in PRIVATE_KEYS and value:
            return f"<{len(value)} letters>"
        if _ABSOLUTE.match(value) and not _OURS.match(value):
            return _path_sign(value)
        return self.of_text(value)

    def of_text(self, text: str) -> str:
        """Return a text without what is private; each path keeps the suffix of its file."""
        text = self._without_own_files(text)
        for place in sorted(self._places, key=len, reverse=True):
            text = re.sub(re.escape(place) + r"(?=[\\/]|\W|$)", _hidden, text)
        text = _PATHS.sub(_replaced, text)
        for word in sorted(self._words, key=len, reverse=True):
            pattern = rf"(?<![^\W_]){re.escape(word)}(?![^\W_])"
            text = re.sub(pattern, "<name>", text, flags=re.IGNORECASE)
        return text

    def _without_own_files(self, text: str) -> str:
        for root, name in self._roots:
            source = rf"{re.escape(root)}(?P<file>[\w./\\-]*\.pyi?)\b"
            text = re.sub(source, rf"{name}\g<file>", text)
        return text


def names_here() -> Iterator[str]:
    """Give the names of the user and of this machine, as far as the system tells them."""
    yield Path.home().name
    yield platform.node()
    yield platform.node().partition(".")[0]
    try:
        yield getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user whom the system has no entry for
        return
    try:
        import pwd
    except ImportError:  # Windows has none
        return
    try:
        full = pwd.getpwnam(getpass.getuser()).pw_gecos.partition(",")[0]
    except (OSError, KeyError):
        return
    yield full
    yield from full.split()


def _spellings(name: str) -> Iterator[str]:
    """Give a name as it is and as JSON escapes it, unless it is a word of everyone's."""
    name = name.strip()
    if len(name) >= LEAST_LETTERS and name.lower() not in NO_NAMES and not name.isdecimal():
        yield name
        yield json.dumps(name)[1:-1]


def _texts(value: object, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _texts(each, str(name))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each, key)
    elif isinstance(value, str):
        yield key, value


def _replaced(found: re.Match[str]) -> str:
    ours = _OURS.match(found[0])
    if ours:
        return ours[0] + _PATHS.sub(_replaced, found[0][ours.end() :])
    return _path_sign(found[0])


def _hidden(found: re.Match[str]) -> str:
    return _HIDDEN + PureWindowsPath(found[0]).suffix


def _path_sign(path: str) -> str:
    suffix = PureWindowsPath(path.rstrip("/\\ ")).suffix
    return f"<path>{suffix}" if re.fullmatch(r"\.[A-Za-z0-9]{1,5}", suffix) else "<path>"
