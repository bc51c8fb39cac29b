"""Read the folk tunes and chorale melodies bundled with music21 into data/tunes.json.

    python -m training.tunes --out data/tunes.json

Collections: O'Neill's Music of Ireland, Aird's Airs, Ryan's Mammoth Collection (ABC) and the
sopranos of J. S. Bach's chorales. A tune is kept when its bars are full, it ends on the tonic it
claims and its notes agree with one mode. The file is data: it is never committed.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

Note = tuple[float, float, int]

COLLECTIONS = {"oneill": "oneills1850", "aird": "airdsAirs", "ryan": "ryansMammoth"}
METERS = {"C": "4/4", "C|": "4/4", "2/2": "4/4", "4/4": "4/4"}
KEPT_METERS = ("4/4", "3/4", "2/4", "6/8", "9/8", "12/8")
LEAST_NOTE_BEATS = 1 / 6
MOST_BARS = 16
SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
BENDS = {"#": 1, "-": -1, "n": 0}
# Share of a tune's sounding time that must lie in its mode.
IN_MODE = 0.93
MODES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}


@dataclass(frozen=True, slots=True)
class Strain:
    """A part of a tune between double bars: its notes from its first full bar, and its bars."""

    notes: tuple[Note, ...]
    bars: int


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("data/tunes.json"))
    parser.add_argument("--without-bach", action="store_true", help="skip the chorales (slow)")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    rows: list[dict[str, Any]] = []
    for name, folder in COLLECTIONS.items():
        found = list(_abc_tunes(name, folder))
        rows += found
        print(f"{name}: {len(found)} tunes")
    if not args.without_bach:
        found = list(_chorales())
        rows += found
        print(f"bach: {len(found)} tunes")
    rows = without_doubles(rows)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps({"tunes": rows}), encoding="utf-8", newline="\n")
    print(f"{len(rows)} tunes in {args.out}")


def without_doubles(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows without melodies met before in any key: first 16 steps alike, or last 16.

    The collections share tunes and Bach set some melodies often; a held-out tune must not be
    learnt from its double.
    """
    met: set[tuple[int, ...]] = set()
    kept = []
    for row in rows:
        pitches = [pitch for _, _, pitch in row["notes"]]
        steps = tuple(after - before for before, after in pairwise(pitches))
        marks = {(0, *steps[:16]), (1, *steps[-16:])}
        if not marks & met:
            kept.append(row)
        met |= marks
    return kept


def _abc_tunes(name: str, folder: str) -> Iterator[dict[str, Any]]:
    from music21 import abcFormat, corpus
    from music21.exceptions21 import Music21Exception

    seen: set[str] = set()
    for path in sorted(corpus.getComposer(folder)):
        file = abcFormat.ABCFile()
        file.open(path)
        handlers = file.read().splitByReferenceNumber()
        file.close()
        for number, handler in handlers.items():
            source = f"{name}:{path.stem}" if number is None else f"{name}:{number}"
            if folder == "ryansMammoth":
                source = f"{name}:{path.stem}"
            elif folder == "airdsAirs":
                source = f"{name}:{path.stem}-{number}"
            if source in seen:
                continue
            try:
                row = read_abc(source, handler.tokens)
            except (Music21Exception, ValueError, AttributeError, TypeError):
                continue
            if row:
                seen.add(source)
                yield row


def read_abc(source: str, tokens: list[Any]) -> dict[str, Any] | None:
    """A row of the tunes file out of music21's ABC tokens; None when the tune is not clean."""
    meter = key = None
    for token in tokens:
        if type(token).__name__ == "ABCMetadata":
            if token.tag == "M" and meter is None:
                meter = METERS.get(token.data.strip(), token.data.strip())
            elif token.tag == "K" and key is None:
                key = token.getKeySignatureObject()
    if meter not in KEPT_METERS or key is None:
        return None
    tonic = key.tonic.pitchClass if hasattr(key, "tonic") else key.asKey().tonic.pitchClass
    numerator, denominator = (int(number) for number in meter.split("/"))
    strains = _strains(tokens, 4 * numerator / denominator)
    return make_row(source, meter, tonic, 4 * numerator / denominator, strains)


def make_row(
    source: str, meter: str, tonic: int, bar_beats: float, strains: list[Strain]
) -> dict[str, Any] | None:
    """The strains joined into a tune of at most 16 bars, checked for key and playability."""
    notes: list[Note] = []
    bars = 0
    for strain in strains:
        if bars + strain.bars > MOST_BARS:
            break
        start = bars * bar_beats
        if notes and strain.notes:
            first = start + strain.notes[0][0]
            notes = [(at, min(length, first - at), p) for at, length, p in notes if at < first]
        notes += [(round(at + start, 6), round(length, 6), p) for at, length, p in strain.notes]
        bars += strain.bars
    if bars < 8 or len(notes) < bars or any(n[1] < LEAST_NOTE_BEATS for n in notes):
        return None
    pitches = [pitch for _, _, pitch in notes]
    if notes[-1][2] % 12 != tonic or max(pitches) - min(pitches) > 24:
        return None
    mode = mode_of(notes, tonic)
    if mode is None:
        return None
    return {
        "source": source, "meter": meter, "tonic": tonic, "mode": mode, "bars": bars,
        "notes": notes,
    }  # fmt: skip


def mode_of(notes: list[Note], tonic: int) -> str | None:
    """The mode that the notes are in over `tonic`; None when they agree with none."""
    weights = [0.0] * 12
    for _, length, pitch in notes:
        weights[(pitch - tonic) % 12] += length
    if weights[1] > weights[2]:
        return None
    if weights[3] > weights[4]:
        mode = "dorian" if weights[9] > weights[8] else "minor"
    else:
        mode = "mixolydian" if weights[10] > weights[11] else "major"
    share = sum(weights[step] for step in MODES[mode]) / sum(weights)
    return mode if share >= IN_MODE else None


def _strains(tokens: list[Any], bar_beats: float) -> list[Strain]:
    """The strains of 4, 8 or 16 full bars, in order; others (second endings, say) are left out."""
    strains: list[Strain] = []
    bars: list[list[Note]] = [[]]
    at = 0.0
    tied = False
    for token in tokens:
        kind = type(token).__name__
        if kind == "ABCBar":
            if bars[-1] or at > 0:
                bars.append([])
            at = 0.0
            if token.src not in ("|", "[1"):
                strains += _close(bars, bar_beats)
                bars = [[]]
        elif kind == "ABCTie":
            tied = True
        elif kind == "ABCNote" or (kind == "ABCChord" and token.subTokens):
            if token.inGrace:
                continue
            note = token.subTokens[-1] if kind == "ABCChord" else token
            length = float(token.quarterLength)
            if token.activeTuplet is not None:
                length *= float(token.activeTuplet.tupletMultiplier())
            if not note.isRest:
                pitch = _midi(note.pitchName)
                # A tie over the bar line stays two notes: bars are checked one by one.
                joined = tied and bars[-1] and bars[-1][-1][2] == pitch
                if joined:
                    start, held, _ = bars[-1].pop()
                    bars[-1].append((start, held + length, pitch))
                else:
                    bars[-1].append((at, length, pitch))
            at += length
            tied = False
    return strains + _close(bars, bar_beats)


def _close(bars: list[list[Note]], bar_beats: float) -> list[Strain]:
    filled = [bar for bar in bars if bar]
    if not filled:
        return []
    lengths = [bar[-1][0] + bar[-1][1] for bar in filled]
    pickup = lengths[0] if lengths[0] < bar_beats - 1e-3 else 0.0
    body = filled[1:] if pickup else filled
    sizes = lengths[1:] if pickup else lengths
    whole = all(abs(size - bar_beats) < 1e-3 for size in sizes[:-1])
    if len(body) not in (4, 8, 16) or not whole or sizes[-1] > bar_beats + 1e-3:
        return []
    notes = [(at - pickup, length, p) for at, length, p in filled[0]] if pickup else []
    for index, bar in enumerate(body):
        notes += [(index * bar_beats + at, length, pitch) for at, length, pitch in bar]
    return [Strain(tuple(notes), len(body))]


def _midi(name: str) -> int:
    """MIDI number of music21's pitch name, "F#5" or "B-4" say."""
    bend = sum(BENDS[mark] for mark in name[1:-1])
    return 12 * (int(name[-1]) + 1) + SEMITONES[name[0]] + bend


def _chorales() -> Iterator[dict[str, Any]]:
    """Sopranos of Bach's chorales, up to 16 bars from the first full one."""
    from music21 import corpus
    from music21.exceptions21 import Music21Exception

    for path in sorted(corpus.getComposer("bach")):
        if path.suffix != ".mxl":
            continue
        try:
            score = corpus.parse(str(path))
            soprano = next(part for part in score.parts if part.id.lower().startswith("sopran"))
            tonic = list(score.parts[-1].flatten().notes)[-1].pitches[0].pitchClass
            row = _read_chorale(f"bach:{path.stem}", soprano, tonic)
        except (Music21Exception, StopIteration, ValueError, IndexError):
            continue
        if row:
            yield row


def _read_chorale(source: str, soprano: Any, tonic: int) -> dict[str, Any] | None:
    part = soprano.stripTies()
    signatures = {
        time.ratioString for time in soprano.recurse().getElementsByClass("TimeSignature")
    }
    if len(signatures) != 1 or signatures - set(KEPT_METERS):
        return None
    meter = signatures.pop()
    measures = list(soprano.getElementsByClass("Measure"))
    bar_beats = float(measures[0].barDuration.quarterLength)
    first = measures[0]
    pickup = float(first.duration.quarterLength)
    offset = pickup if pickup < bar_beats - 1e-3 else 0.0
    notes = [
        (float(note.offset) - offset, float(note.quarterLength), int(note.pitch.midi))
        for note in part.flatten().notes
    ]
    end = max(start + length for start, length, _ in notes)
    bars = -(-int(end) // int(bar_beats))
    bars += bars % 2
    if bars > MOST_BARS:
        # A long chorale ends where a phrase does: on a tonic held near an eighth bar.
        tonic_bars = [b for b in (8, 12, 16) if _rests(notes, b * bar_beats, tonic)]
        if not tonic_bars:
            return None
        bars = tonic_bars[-1]
        notes = [note for note in notes if note[0] < bars * bar_beats]
    return make_row(source, meter, tonic, bar_beats, [Strain(tuple(notes), bars)])


def _rests(notes: list[Note], end: float, tonic: int) -> bool:
    before = [note for note in notes if note[0] < end - 1e-6]
    return bool(before) and before[-1][2] % 12 == tonic and before[-1][1] >= 1.0


if __name__ == "__main__":
    main()
