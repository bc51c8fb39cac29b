"""What a piece is going to be: meter, moods, tempo, mode, a collected tune, its chords."""

from __future__ import annotations

from random import Random

from diffusion.embedded.bar import Bar
from diffusion.embedded.moods import MOODS, OPPOSED, Mood
from training.compose.folk import Tune, fit_meter, tunes_in
from training.compose.form import spans_of
from training.compose.harmony import SCALES, choose_progression, progression
from training.compose.piece import Chord
from training.compose.styles import Style

METERS = (
    ("4/4", 60), ("3/4", 12), ("6/8", 8), ("12/8", 4), ("7/8", 6), ("5/4", 4.5), ("2/4", 2),
    ("5/8", 1.5), ("9/8", 2),
)  # fmt: skip
# Collected tunes are played no faster than fingers and tongues go.
LEAST_ONSET_SECONDS = 0.095


def choose_meter(rng: Random, style_name: str) -> str:
    """A meter: common time in three of five pieces, odd ones in one of seven or so."""
    if style_name == "waltz" and rng.random() < 0.75:
        return "3/4"
    names, weights = zip(*METERS, strict=True)
    return str(rng.choices(names, weights)[0])


def choose_moods(rng: Random) -> tuple[str, ...]:
    """One mood, or two that do not contradict each other."""
    first = rng.choice(MOODS)
    if rng.random() < 0.55:
        return (first,)
    second = rng.choice([m for m in MOODS if m != first and {m, first} not in OPPOSED])
    return (first, second)


def choose_bpm(rng: Random, style: Style, bar: Bar, mood: Mood) -> float:
    """Quarter notes a minute so that the felt pulse lies in the style's range."""
    low, high = style.felt_bpm
    at = min(1.0, max(0.0, 0.5 + 0.5 * mood.pace + rng.uniform(-0.45, 0.45)))
    felt = low + (high - low) * at
    if bar.ternary:
        while felt > 128:
            felt /= 2
        felt *= 1.5
    elif bar.meter.endswith("/8"):
        felt = felt * 1.1 if felt < 150 else felt
    bpm = min(200.0, max(50.0, felt))
    return round(bpm) * 1.0 if rng.random() < 0.5 else round(bpm, 2)


def choose_mode(rng: Random, style: Style, mood: Mood) -> str:
    """A mode by the style's leaning and the mood's."""
    major, minor, dorian, mixolydian = style.modes
    weights = (major, minor * mood.minor, dorian * mood.minor, mixolydian)
    return rng.choices(tuple(SCALES), weights)[0]


def choose_folk(
    rng: Random, tune: Tune | str | None, meter: str, mode: str, bpm: float, held: bool
) -> Tune | None:
    """The tune asked for, or a collected one playable at `bpm`; None for one written by rules.

    Raises ValueError when a given tune does not fit the meter.
    """
    if isinstance(tune, Tune):
        fitted = fit_meter(tune, meter)
        if fitted is None:
            raise ValueError(f"tune: {tune.source} is in {tune.meter} and does not fit {meter}")
        return fitted
    wanted = rng.random() < 0.56
    choices = tunes_in(meter, held)
    if tune == "rules" or not choices or (tune is None and not wanted):
        return None
    # Most collected tunes are major: the style and the mood choose the mode first.
    in_mode = [found for found in choices if found.mode == mode] or list(choices)
    for _ in range(12):
        found = rng.choice(in_mode)
        if found.shortest_beats() * 60 / bpm >= LEAST_ONSET_SECONDS:
            return found
    return None


def choose_thirds(rng: Random, style: Style, mood: Mood) -> int:
    """How many thirds a chord piles up: 2 a triad, 3 a seventh, 4 a ninth."""
    if rng.random() >= style.sevenths + mood.colour:
        return 2
    return 4 if rng.random() < 2 * (mood.colour - 0.4) else 3


def write_chords(
    rng: Random,
    form: list[tuple[str, int]],
    bar: Bar,
    tonic: int,
    mode: str,
    style: Style,
    mood: Mood,
    ending: str,
) -> list[Chord]:
    """A progression for each kind of section; the last bar before home is left open.

    A "full" `ending` comes home in the last bar, a "loop" leads back to the first.
    """
    thirds = choose_thirds(rng, style, mood)
    texts: dict[str, str] = {}
    chords: list[Chord] = []
    for at, (name, first, last) in enumerate(spans_of(form)):
        kind = "verse" if name in ("intro", "outro") else name
        if kind not in texts:
            texts[kind] = choose_progression(rng, mode, style.family, texts.get("verse", ""))
        final = at == len(form) - 1
        close = ""
        if final:
            close = "home" if ending == "full" else "wrap"
        elif rng.random() < 0.5:
            close = "open"
        chords += progression(
            last - first,
            first * bar.beats,
            bar.beats,
            bar.half_beats,
            texts[kind],
            tonic,
            mode,
            thirds=thirds,
            ending=close,
        )
    return chords
