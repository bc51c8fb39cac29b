"""The recordings that the words of a command line name: files, folders and patterns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path

from daemon.errors import UsageError

# Files with these endings are the recordings of a folder; a file that is named itself may have any.
SOUND_ENDINGS = frozenset(
    ".wav .wave .w64 .rf64 .bwf .flac .mp3 .ogg .oga .opus .aif .aiff .aifc .au .snd .caf .m4a "
    ".aac .mp4 .wma".split()
)


@dataclass(frozen=True, slots=True)
class SoundInputs:
    """The recordings in the order they were named, each once, and whether several were asked for.

    `many` holds for several words, a folder and a pattern, however many files they come to.
    `passed_over` says how many files of the folders have other endings.
    """

    files: tuple[Path, ...]
    many: bool
    passed_over: int = 0


def sound_inputs(words: Sequence[str | Path]) -> SoundInputs:
    """Find the recordings that words name; raises UsageError for one that names none.

    A folder stands for the sound files in it, by name and not those of folders below; a pattern
    such as "takes/*.wav", "**" included, for what it fits, as a shell would have it.
    """
    found: dict[Path, Path] = {}
    passed_over = 0
    many = len(words) > 1
    for word in map(Path, words):
        named = list(_named(word))
        many |= named != [word] or word.is_dir()
        for each in named:
            if not each.is_dir():
                found.setdefault(each.resolve(), each)
                continue
            inside = _visible_files(each)
            sounds = [file for file in inside if file.suffix.lower() in SOUND_ENDINGS]
            passed_over += len(inside) - len(sounds)
            if not sounds and each == word:
                raise UsageError(f"there is no sound file in the folder {str(word)!r}")
            found |= {file.resolve(): file for file in sounds if file.resolve() not in found}
    if not found:
        raise UsageError(f"there is no sound file in {' '.join(map(str, words))}")
    return SoundInputs(tuple(found.values()), many, passed_over)


def _named(word: Path) -> Iterator[Path]:
    """The word itself, or what it fits as a pattern, where the shell has not looked."""
    if word.exists() or not has_magic(str(word)):
        yield word
        return
    fits = sorted(glob(str(word), recursive=True), key=_by_name)
    if not fits:
        raise UsageError(f"there is no file that {str(word)!r} fits")
    yield from map(Path, fits)


def _visible_files(folder: Path) -> list[Path]:
    """The files of a folder, by name, without hidden ones such as macOS leaves (._song.wav)."""
    try:
        inside = [each for each in folder.iterdir() if not each.name.startswith(".")]
    except OSError as error:
        raise UsageError(f"folder {str(folder)!r} cannot be read: {error.strerror}") from None
    return sorted((each for each in inside if not each.is_dir()), key=_by_name)


def _by_name(path: Path | str) -> tuple[str, str]:
    return str(path).casefold(), str(path)
