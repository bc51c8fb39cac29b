"""Names of what a command makes of many recordings, by a pattern such as {file}_{stem}."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path, PurePosixPath
from string import Formatter

from audio.stem_names import SPLIT_STEMS
from daemon.errors import UsageError

FORBIDDEN = '<>:"|?*\\'  # in names, by one of the systems that files are taken to
PORTS = (f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))
DEVICES = frozenset(("con", "prn", "aux", "nul", *PORTS))  # Windows opens these for a file's name
MAX_FILE_WORD_BYTES = 160  # of the 255 that a name may have
ENDINGS = (".wav", ".flac", ".mid", ".png", ".mp3", ".ogg", ".aiff", ".aif")


_HOLE = "\0"  # no name has it


@dataclass(frozen=True, slots=True)
class OutputNames:
    """A checked pattern, the ending of what is made, and the names of the recordings in it.

    `files` gives each recording the word that stands for {file}: its name without folder and
    ending, numbered ("song", "song-2") where several have the same.
    """

    pattern: str
    suffix: str
    files: Mapping[Path, str]

    def name(self, file: Path, **words: str) -> str:
        """Return a relative path without ending, with forward slashes, for one of the files."""
        position = list(self.files).index(file) + 1
        digits = len(str(len(self.files)))
        known = {"file": self.files[file], "number": f"{position:0{digits}d}", **words}
        parts = [
            literal + (known[word] if word is not None else "")
            for literal, word, _, _ in Formatter().parse(self.pattern)
        ]
        return "".join(parts)

    def path(self, folder: Path, file: Path, **words: str) -> Path:
        """Return where a file made of `file` goes in `folder`."""
        return folder / (self.name(file, **words) + self.suffix)

    def layout(self, file: Path) -> Layout:
        """Return where the stems of `file`, and what belongs to all of them, go."""
        parts = self.name(file, stem=_HOLE).split("/")
        apart = next((i for i, part in enumerate(parts) if _HOLE in part), len(parts) - 1)
        return Layout("/".join(parts[:apart]), "/".join(parts[apart:]))


@dataclass(frozen=True, slots=True)
class Layout:
    """A folder, and the pattern of the names in it, in which a hole stands for the stem."""

    folder: str
    pattern: str

    @property
    def has_stem(self) -> bool:
        """Whether different stems have different names."""
        return _HOLE in self.pattern

    def named(self, word: str) -> str:
        """Return the name in the folder of a stem, or of the manifest or project of them all."""
        if word in SPLIT_STEMS:
            return self.pattern.replace(_HOLE, word)
        last = PurePosixPath(self.pattern).name
        return (last if _HOLE in last else f"{last}_{_HOLE}").replace(_HOLE, word)


def output_names(
    pattern: str, files: Sequence[Path], words: Sequence[str], suffix: str
) -> OutputNames:
    """Check a pattern of --name; raises UsageError for one that cannot name the files.

    `words` are those that the command knows besides file and number; `suffix` is the ending of
    what it makes, which the pattern may have.
    """
    known = ("file", *words, "number")
    try:
        used = [word for _, word, _, _ in Formatter().parse(pattern) if word is not None]
        extras = [form or how for _, _, form, how in Formatter().parse(pattern)]
    except ValueError:
        raise UsageError(f"name {pattern!r} has a brace without the other one") from None
    for word in used:
        if word not in known:
            choices = ", ".join(f"{{{each}}}" for each in known)
            raise UsageError(f"name must be made of the words {choices}, not {{{word}}}")
    if any(extras):
        raise UsageError(f"name {pattern!r} must have plain words in braces, such as {{file}}")
    bare = PurePosixPath(pattern)
    if bare.suffix.lower() == suffix:
        pattern = pattern[: -len(suffix)]
    elif bare.suffix.lower() in ENDINGS:
        raise UsageError(f"name {pattern!r} must end in {suffix} or without an ending")
    names = OutputNames(pattern, suffix, _distinct_words(files))
    _check_parts(pattern, names.name(files[0], **dict.fromkeys(words, "x")))
    if len(files) > 1 and not {"file", "number"} & set(used):
        raise UsageError(f"name {pattern!r} must have {{file}} in it, for there are several")
    return names


def _check_parts(pattern: str, example: str) -> None:
    for part in example.split("/"):
        if part in ("", ".", "..") or part != part.strip(" ") or part.endswith("."):
            raise UsageError(
                f"name {pattern!r} must be a name, or folders and a name, below the one of -o"
            )
        wrong = next((each for each in part if each in FORBIDDEN or not each.isprintable()), "")
        if wrong and wrong in pattern:
            raise UsageError(f"name {pattern!r} must not have {wrong!r} in it")


def _distinct_words(files: Sequence[Path]) -> dict[Path, str]:
    """The word for {file} of each, told apart by numbers also where only letters' case differs."""
    found: dict[Path, str] = {}
    taken: set[str] = set()
    for file in files:
        word = safe_word(file.stem)
        tries = chain([word], (f"{word}-{number}" for number in count(2)))
        found[file] = next(each for each in tries if _folded(each) not in taken)
        taken.add(_folded(found[file]))
    return found


def safe_word(text: str) -> str:
    """Return text as part of a name that every system takes: no path, no control characters."""
    plain = "".join(
        "-" if each in FORBIDDEN + "/" or unicodedata.category(each) == "Cc" else each
        for each in text
    )
    while len(plain.encode("utf-8", "surrogateescape")) > MAX_FILE_WORD_BYTES:
        plain = plain[:-1]
    plain = plain.strip(" .")
    return f"_{plain}" if not plain or plain.casefold() in DEVICES else plain


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()
