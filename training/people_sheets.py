"""Read lead sheets of songs by people out of a copy of OpenEWLD into data/people_sheets.json.

    git clone https://github.com/00sapo/OpenEWLD
    python -m training.people_sheets --openewld OpenEWLD --out data/people_sheets.json

OpenEWLD (MIT licence, Copyright (c) 2018 00sapo) holds melodies with chords as .mxl files, which
music21 reads, and a database of what is known of each song. Songs are kept that are traditional,
were first performed by 1930, or whose authors had all died by then: narrower than the collection's
own claim of public domain. The file is data: it is never committed.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LAST_YEAR = 1930
TRADITIONAL = "[Traditional]"


def main() -> None:
    """Read, write, and say how many songs there are, and which could not be read."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--openewld", type=Path, required=True, help="a copy of OpenEWLD")
    parser.add_argument("--out", type=Path, default=Path("data/people_sheets.json"))
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    rows, failed = [], []
    for song in songs_of(args.openewld):
        row = read_song(args.openewld, song)
        if row is None:
            failed.append(str(song["title"]))
        else:
            rows.append(row)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(rows), encoding="utf-8", newline="\n")
    print(f"{len(rows)} songs in {args.out}; not read: {', '.join(failed) or 'none'}")


def songs_of(folder: Path) -> Iterator[dict[str, Any]]:
    """What the database says of each song that is surely in the public domain, each title once."""
    database = sqlite3.connect(f"file:{folder / 'OpenEWLD.db'}?mode=ro", uri=True)
    died = dict(database.execute("select common_name, death from authors"))
    works = database.execute(
        "select id, title, first_performance_date, path_leadsheet from works order by id"
    ).fetchall()
    met = set()
    for number, title, performed, path in works:
        authors = [
            str(name)
            for (name,) in database.execute(
                "select author from work_author where id = ? order by author", (number,)
            )
        ]
        deaths = [died.get(name) for name in authors]
        plain = "".join(str(title).lower().split())
        if plain in met or not is_free(authors, deaths, performed):
            continue
        met.add(plain)
        yield {
            "title": str(title),
            "composer": "-".join(authors),
            "first_performed": _year(performed),
            "genres": _words(database, "work_genres", "genre", number),
            "styles": _words(database, "work_style", "style", number),
            "path": str(path),
        }
    database.close()


def is_free(authors: list[str], deaths: list[str | None], performed: str | int | None) -> bool:
    """Whether a song is traditional, or was sung, or its authors had all died, by LAST_YEAR."""
    year = _year(performed)
    if TRADITIONAL in authors or (year is not None and year <= LAST_YEAR):
        return True
    years = [_year(death) for death in deaths]
    return bool(years) and all(each is not None and each <= LAST_YEAR for each in years)


def _year(date: str | int | None) -> int | None:
    digits = str(date or "")[:4]
    return int(digits) if digits.isdigit() and int(digits) > 0 else None


def _words(database: sqlite3.Connection, table: str, column: str, number: int) -> list[str]:
    """Genres or styles of a song, of two the one that is at least twice as frequent."""
    found = database.execute(
        f"select {column}, occurrences from {table} where id = ? order by occurrences desc",
        (number,),
    ).fetchall()
    if len(found) > 1 and found[0][1] >= 2 * found[1][1]:
        found = found[:1]
    return [str(word) for word, _ in found]


def read_song(folder: Path, song: dict[str, Any]) -> dict[str, Any] | None:
    """The melody and chords of a song; None where the file is missing or holds too little.

    Beats are quarters from the first note of the score: a pickup is counted in.
    """
    from music21 import converter, exceptions21

    path = folder / song["path"]
    if not path.is_file():
        return None
    try:
        part = converter.parse(path).parts[0]
        rows = _rows(part)
    except (exceptions21.Music21Exception, IndexError, KeyError, ValueError, ZeroDivisionError):
        return None
    if rows is None:
        return None
    plain = {name: value for name, value in song.items() if name != "path"}
    return plain | rows


def _rows(part: Any) -> dict[str, Any] | None:
    flat = part.flatten()
    signature, meter = flat.keySignature, flat.timeSignature
    measures = list(part.getElementsByClass("Measure"))
    if not measures:
        return None
    if signature is not None and not hasattr(signature, "tonic"):
        signature = signature.asKey()
    key = f"{signature.tonic.name} {signature.mode}" if signature is not None else "C major"
    bar = float(meter.barDuration.quarterLength) if meter is not None else 0.0
    first = float(measures[0].duration.quarterLength)
    end = float(flat.highestTime)
    tune = [
        [_beats(note.offset), _beats(note.duration.quarterLength), int(note.pitch.midi)]
        for note in part.stripTies().flatten().notes
        if note.isNote and note.duration.quarterLength > 0
    ]
    symbols = list(flat.getElementsByClass("ChordSymbol"))
    chords = []
    for at, symbol in enumerate(symbols):
        start = float(symbol.offset)
        stop = float(symbols[at + 1].offset) if at + 1 < len(symbols) else end
        if stop > start:
            chords.append([_beats(start), _beats(stop - start), *_chord(symbol)])
    if not tune or not chords:
        return None
    return {
        "key": key,
        "meter": meter.ratioString if meter is not None else "",
        "pickup_beats": first if 0 < first < bar else 0.0,
        "length_beats": end,
        "chords": chords,
        "tune": tune,
    }


def _beats(value: Any) -> float:
    """Beats to a ten-thousandth, which holds triplets well enough."""
    return round(float(value), 4)


def _chord(symbol: Any) -> tuple[str, int | None, int | None, list[int]]:
    """Symbol, root, bass and pitch classes; none of them where there is no chord."""
    if symbol.root() is None or "NoChord" in type(symbol).__name__:
        return "N.C.", None, None, []
    bass = symbol.bass()
    return (
        str(symbol.figure),
        int(symbol.root().pitchClass),
        int(bass.pitchClass) if bass is not None else int(symbol.root().pitchClass),
        sorted({int(pitch.pitchClass) for pitch in symbol.pitches}),
    )


if __name__ == "__main__":
    main()
