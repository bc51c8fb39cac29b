"""The prompt of ACE-Step 1.5: caption, tempo, meter, key, length, lyrics.

The model knows tempo, meter and key only as text of a fixed form: whole bpm from 30 to 300, meters
2, 3, 4 and 6, keys in major and minor, and whole seconds. What lies outside is brought near here
and said in the caption; remarks tell the user.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby, pairwise

from diffusion.ace_step.lyrics import language_of, structured
from diffusion.engine import Conditions
from midi.curve import Curve
from midi.grid import Grid
from midi.key import Key
from midi.sections import section_text, spans

MIN_BPM, MAX_BPM = 30, 300
METERS = {"2/4": "2", "2/2": "2", "3/4": "3", "3/8": "3", "4/4": "4", "6/8": "6", "6/4": "6"}
UNKNOWN = "N/A"
MARKED_CHANGE = 0.3  # of the intensity over a section
MAX_CHORD_WORDS = 16
BLOCK_BARS = 8  # or half of a shorter piece, where no sections are asked for

# The instructions are part of what the model was trained on; each names a task.
INSTRUCTIONS = {
    "text2music": "Fill the audio semantic mask based on the given conditions:",
    "repaint": "Repaint the mask area based on the given conditions:",
    "cover": "Generate audio semantic tokens based on the given conditions:",
    "lego": "Generate the {parts} track based on the audio context:",
    "extract": "Extract the {parts} track from the audio:",
    "complete": "Complete the input track with {parts}:",
}


@dataclass(frozen=True, slots=True)
class Prompt:
    """All words for one run, in the model's own terms; `bpm` 0 and "" mean that it may choose.

    `task` is one of INSTRUCTIONS, `parts` the tracks that lego, extract and complete name.
    """

    caption: str
    lyrics: str = "[Instrumental]"
    language: str = "en"
    bpm: int = 0
    meter: str = ""
    key: str = ""
    seconds: int = 30
    task: str = "text2music"
    parts: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The text prompt, with its line breaks where the model was trained to find them."""
        instruction = INSTRUCTIONS[self.task].format(
            parts=" | ".join(part.upper() for part in self.parts)
        )
        return (
            f"# Instruction\n{instruction}\n\n# Caption\n{self.caption}\n\n# Metas\n"
            f"- bpm: {self.bpm or UNKNOWN}\n- timesignature: {self.meter or UNKNOWN}\n"
            f"- keyscale: {self.key or UNKNOWN}\n- duration: {self.seconds} seconds\n"
            "<|endoftext|>\n"
        )

    @property
    def lyric_text(self) -> str:
        """The lyrics under their language."""
        return f"# Languages\n{self.language}\n\n# Lyric\n{self.lyrics}<|endoftext|>"

    def for_task(self, task: str) -> Prompt:
        """The same words for another task."""
        return replace(self, task=task)


def prompt_of(
    conditions: Conditions, seconds: int, bars: tuple[int, int] | None = None
) -> tuple[Prompt, tuple[str, ...]]:
    """Put conditions into the model's words for a run of whole seconds; remarks come with it.

    The whole has the words of its first bar; with `bars` (the first, and that after the
    last, from 0) in the words of those, and in their tempo.
    """
    remarks: list[str] = []
    edit = conditions.audio.edit
    first, end = bars or (edit.first_bar if edit else 0, conditions.grid.bars)
    words = words_of_bars(conditions)
    caption = list(filter(None, (conditions.tags.strip(), words[first] if words else "")))
    bpm = _bpm(conditions.grid, (first, end) if bars else (0, end), remarks)
    meter = _meter(conditions.grid, caption, remarks)
    key = _key(conditions.key, caption)
    caption += _chord_words(conditions, first, end)
    prompt = Prompt(
        caption=", ".join(caption) or "instrumental music",
        lyrics=structured(conditions.lyrics, conditions.sections),
        language=conditions.audio.language or language_of(conditions.lyrics),
        bpm=bpm,
        meter=meter,
        key=key,
        seconds=seconds,
    )
    return prompt, tuple(remarks)


def _bpm(grid: Grid, bars: tuple[int, int], remarks: list[str]) -> int:
    """The mean tempo of bars as a whole number, folded by octaves into what the model knows."""
    begin, end = (grid.bar_starts[bar] for bar in bars)
    exact = float((end - begin) * 60 / (grid.seconds_at(end) - grid.seconds_at(begin)))
    bpm = exact
    while bpm > MAX_BPM:
        bpm /= 2
    while bpm < MIN_BPM:
        bpm *= 2
    rounded = round(bpm)
    if not grid.is_constant:
        remarks.append(f"ACE-Step knows one tempo a piece; it was told the mean, {rounded} bpm.")
    elif rounded != exact:
        remarks.append(f"ACE-Step was told {rounded} bpm for {exact:g} bpm, the nearest it knows.")
    return rounded


def _meter(grid: Grid, caption: list[str], remarks: list[str]) -> str:
    written = str(grid.meter)
    constant = len({str(change.meter) for change in grid.meters}) == 1
    known = METERS.get(written, "") if constant else ""
    if not known:
        caption.append(f"in {written} time")
        remarks.append(f"ACE-Step knows no meter {written} as a setting; the caption names it.")
    return known


def _key(key: Key, caption: list[str]) -> str:
    """Major or minor, after the third; other modes are named in the caption as well."""
    mode = "minor" if key.is_minorish else "major"
    if key.mode != mode:
        caption.append(f"in {key.name}")
    return Key(key.tonic, mode, key.spelling if len(key.spelling) <= 2 else "").name


def _chord_words(conditions: Conditions, first_bar: int, end_bar: int) -> list[str]:
    """The chords of bars as words, up to where they repeat; nothing where none are known."""
    begin, end = (float(conditions.grid.bar_starts[bar]) for bar in (first_bar, end_bar))
    symbols = [
        each.symbol for each in conditions.lead_sheet.chords if begin <= each.start_beats < end
    ]
    for period in range(1, len(symbols)):
        if all(symbols[i] == symbols[i - period] for i in range(period, len(symbols))):
            symbols = symbols[:period]
            break
    symbols = [symbol for symbol, _ in groupby(symbols)][:MAX_CHORD_WORDS]
    return [f"chord progression {' - '.join(symbols)}"] if symbols else []


def words_of_bars(conditions: Conditions) -> tuple[str, ...]:
    """Words for each bar, "" where there are none; nothing at all where nothing was asked.

    They are those of its section, and one for the intensity of the section or of a block of bars
    (docs/guide/engines.md): the model knows no intensity but what a caption says.
    """
    grid, sections, curve = conditions.grid, conditions.sections, conditions.intensity
    if not sections and curve is None:
        return ()
    words_by_bar = []
    for first, end, name in _parts(grid, sections):
        words = [section_text(name).words, _intensity_word(curve, grid, first, end)]
        words_by_bar += [", ".join(filter(None, words))] * (end - first)
    return tuple(words_by_bar)


def _intensity_word(curve: Curve | None, grid: Grid, first_bar: int, end_bar: int) -> str:
    """The word for what a curve does from a bar up to but without another (from 0), or ""."""
    if curve is None:
        return ""
    begin, end = grid.bar_starts[first_bar], grid.bar_starts[end_bar]
    change, mean = curve.at(end) - curve.at(begin), curve.mean(begin, end)
    if abs(change) >= MARKED_CHANGE:
        return "building" if change > 0 else "fading"
    return "soft" if mean < 1 / 3 else "intense" if mean > 2 / 3 else ""


def _parts(grid: Grid, sections: tuple[str, ...]) -> list[tuple[int, int, str]]:
    """First bar, bar after the last, and name of each section, or of blocks that have none."""
    if sections:
        return [(span.first_bar, span.end_bar, span.name) for span in spans(sections)]
    block = min(BLOCK_BARS, max(1, grid.bars // 2))
    bounds = [*range(0, grid.bars, block), grid.bars]
    return [(first, end, "") for first, end in pairwise(bounds)]
