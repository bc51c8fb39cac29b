"""The prompt of ACE-Step 1.5: caption, tempo, meter, key, length, lyrics.

The model knows tempo, meter and key only as text of a fixed form: whole bpm from 30 to 300, meters
2, 3, 4 and 6, keys in major and minor, and whole seconds. What lies outside is brought near here
and said in the caption; remarks tell the user.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from diffusion.ace_step.lyrics import language_of, structured
from diffusion.ace_step.section_words import words_of_bars
from diffusion.engine import Conditions
from midi.grid import Grid
from midi.key import Key

MIN_BPM, MAX_BPM = 30, 300
METERS = {"2/4": "2", "2/2": "2", "3/4": "3", "3/8": "3", "4/4": "4", "6/8": "6", "6/4": "6"}
UNKNOWN = "N/A"

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
