"""What a musician asks for, checked whole: the one order that the pipeline carries out."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from audio.stem_names import STEMS
from midi.curve import Curve
from midi.errors import CurveError, GridError, KeyNameError, MelodyError
from midi.grid import Grid, Meter, MeterChange, TempoPoint
from midi.key import Key
from osc_protocol.addresses import GENERATE_KEYS, MAX_INT, MAX_SEED
from osc_protocol.checks import check, shown
from osc_protocol.errors import Code, ProtocolError
from osc_protocol.song_maps import bar_names, meter_changes, tempo_points
from osc_protocol.sound_shaping import check_shaping, edit_of
from osc_protocol.timed_tags import is_timed, on_bars

if TYPE_CHECKING:
    from midi.melody import Melody

# Two keys of the message are no part of the order: one becomes bars, one orders nothing.
_ARGUMENTS = {a.field: a for a in GENERATE_KEYS if a.name not in ("seconds", "dry-run")}
_MELODIES = ("melody_path", "melody", "notes")


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    """An order for stems; kinds, limits and meanings of its fields are GENERATE_KEYS'.

    `seed` None draws one, so that it is never None in an existing request. `stems` are put into
    the order of STEMS. `bpm` holds until the first point of `tempo_map`; a point at beat 0
    replaces it. `meter` and `meter_map` likewise. Times in `tags` become sections and tempo map
    at once. With `source`, a finished job's folder, only
    `stems` are made anew, in `bar_range` or as `midi_path` has them; everything else repeats that
    job's own request. Raises ProtocolError naming the field.
    """

    bpm: float
    key: str
    bars: int = 8
    meter: str = "4/4"
    melody_path: str = ""
    melody: bytes = b""
    notes: str = ""
    lead: str = "melody"
    tags: str = ""
    lyrics: str = ""
    seed: int | None = None
    takes: int = 1
    best: int = 0
    gate: str = ""
    retries: int = 2
    conform: str = "auto"
    transpose: bool = False
    loudness: float | None = None
    engine: str = "embedded"
    stems: tuple[str, ...] = STEMS
    sample_rate: int = 48_000
    tempo_map: str = ""
    meter_map: str = ""
    sections: str = ""
    intensity: str = ""
    at_beats: float = 0.0
    at_seconds: float = 0.0
    project: str = ""
    source: str = ""
    source_take: int = 1
    bar_range: str = ""
    midi_path: str = ""
    melody_mode: str = "cover"
    melody_strength: float = 0.5
    format: str = "wav32f"
    audio_path: str = ""
    edit: str = "auto"
    parts: str = ""
    reference_path: str = ""
    loras: str = ""
    language: str = ""

    def __post_init__(self) -> None:
        for name, argument in _ARGUMENTS.items():
            value = getattr(self, name)
            if name == "stems":
                value = ordered_stems(value)
            else:
                value = check(argument, value)
            object.__setattr__(self, name, value)
        if self.seed is None:
            object.__setattr__(self, "seed", secrets.randbelow(MAX_INT))
        self._check_melody()
        if is_timed(self.tags):
            self._place_prompts()
        if self.at_beats and self.at_seconds:
            raise _refusal("at-beats", "at-beats and at-seconds: give one of them, not both")
        self.parsed_key()
        grid = self.grid()
        object.__setattr__(self, "bpm", grid.bpm)
        object.__setattr__(self, "meter", str(grid.meter))
        self.bar_sections()
        self.curve()
        self._check_change()
        check_shaping(self)
        if self.notes:
            self.read_melody()

    def grid(self) -> Grid:
        """The bars, tempi and meters that were asked for."""
        tempo = tempo_points(self.tempo_map)
        if not tempo or tempo[0].beat > 0:
            tempo = (TempoPoint(Fraction(0), Fraction(str(self.bpm))), *tempo)
        try:
            return Grid(self.bars, tempo, self._meters())
        except GridError as error:
            at_fault = "tempo-map" if self.tempo_map else "meter-map" if self.meter_map else "bars"
            raise _refusal(at_fault, str(error)) from None

    def parsed_key(self) -> Key:
        """The key and mode."""
        try:
            return Key.parse(self.key)
        except KeyNameError as error:
            raise _refusal("key", str(error)) from None

    def read_melody(self) -> Melody | None:
        """The melody on the grid, or None; reads `melody_path` if there is one."""
        from midi.melody import melody_from_text, read_melody

        given = next((name for name in _MELODIES if getattr(self, name)), None)
        try:
            if given == "melody_path":
                return read_melody(Path(self.melody_path), self.grid())
            if given == "melody":
                return read_melody(self.melody, self.grid())
            return melody_from_text(self.notes, self.grid()) if given else None
        except MelodyError as error:
            name = _ARGUMENTS[given or "notes"].name
            raise ProtocolError(Code.BAD_MIDI, f"{name}: {error}", name) from None

    def bar_sections(self) -> tuple[str, ...]:
        """One section name a bar, "" where there is none; nothing at all where none was asked."""
        return bar_names(self.sections, self.bars)

    def curve(self) -> Curve | None:
        """How much is to go on where, or None where that is left to the engine."""
        try:
            return Curve.parse(self.intensity) if self.intensity.strip() else None
        except CurveError as error:
            raise _refusal("intensity", str(error)) from None

    @property
    def bar_span(self) -> tuple[int, int]:
        """The bars to make anew, from the first up to but without the last, counted from 0."""
        if not self.bar_range:
            return 0, self.bars
        found = re.fullmatch(r"(\d+)(?:-(\d+))?", self.bar_range)
        first, end = (int(found[1]) - 1, int(found[2] or found[1])) if found else (0, 0)
        if not 0 <= first < end <= self.bars:
            raise _refusal(
                "bar-range", f"bar-range must lie in 1-{self.bars}, not {shown(self.bar_range)}"
            )
        return first, end

    @property
    def edited(self) -> str:
        """The edit of `audio_path` that is asked for, never auto; "" without one."""
        return edit_of(self)

    @property
    def chooses(self) -> bool:
        """Whether takes are judged, to keep the best or those that pass."""
        return bool(self.best or self.gate)

    @property
    def more_seeds(self) -> tuple[int, ...]:
        """The seeds to try next where no take passes the gate."""
        first = (self.seed or 0) + self.takes
        return tuple((first + more) % (MAX_SEED + 1) for more in range(self.retries))

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seed of each take: `seed`, the next one, and so on."""
        first = self.seed or 0
        return tuple((first + take) % (MAX_SEED + 1) for take in range(self.takes))

    def as_dict(self) -> dict[str, object]:
        """All fields, fit for JSON: the melody's bytes as base64, the stems as a list."""
        plain: dict[str, object] = {f.name: getattr(self, f.name) for f in fields(self)}
        plain["melody"] = base64.b64encode(self.melody).decode("ascii")
        plain["stems"] = list(self.stems)
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, object]) -> GenerateRequest:
        """The inverse of as_dict; fields with a default may be missing."""
        values: dict[str, object] = dict(plain)
        for name in values:
            if name not in _ARGUMENTS:
                raise ProtocolError(Code.UNKNOWN_KEY, f"{shown(name)} is not a field of a request")
        for name, argument in _ARGUMENTS.items():
            if argument.is_required and name not in values:
                raise ProtocolError(Code.MISSING_ARGUMENT, f"{name} is missing", argument.name)
        if isinstance(values.get("melody"), str):
            try:
                values["melody"] = base64.b64decode(str(values["melody"]), validate=True)
            except ValueError:
                raise _refusal("melody", "melody must be base64") from None
        return cls(**values)  # type: ignore[arg-type]  # checked in __post_init__

    def _check_change(self) -> None:
        for name in ("source_take", "bar_range", "midi_path"):
            allowed = self.source or (name == "bar_range" and self.audio_path)
            if getattr(self, name) != _ARGUMENTS[name].default and not allowed:
                wire = _ARGUMENTS[name].name
                raise _refusal(wire, f"{wire} changes what is there: give source with it")
        if self.best > self.takes:
            raise _refusal("best", f"best must be at most takes ({self.takes}), not {self.best}")
        if self.source and (self.loudness is not None or self.transpose):
            name = "transpose" if self.transpose else "loudness"
            raise _refusal(name, f"{name} would change what source is to keep: leave it out")
        _ = self.bar_span
        if self.midi_path and self.bar_range:
            raise _refusal("midi-path", "midi-path and bar-range: give one of them, not both")
        if self.midi_path and len(self.stems) != 1:
            raise _refusal("stems", "stems must name the one stem whose notes midi-path holds")

    def _meters(self) -> tuple[MeterChange, ...]:
        meters = meter_changes(self.meter_map)
        if meters and meters[0].bar == 0:
            return meters
        try:
            return (MeterChange(0, Meter.parse(self.meter)), *meters)
        except GridError as error:
            raise _refusal("meter", str(error)) from None

    def _place_prompts(self) -> None:
        """Put what timed tags say into tags, sections and tempo map, which then say it."""
        if self.sections:
            raise _refusal("sections", "sections and times in tags: give one of them, not both")
        bpm, tempo = Fraction(str(self.bpm)), tempo_points(self.tempo_map)
        if tempo and tempo[0].beat > 0:
            tempo = (TempoPoint(Fraction(0), bpm), *tempo)
        placed = on_bars(self.tags, bpm, self._meters(), tempo, self.bars)
        object.__setattr__(self, "tags", placed.tags)
        object.__setattr__(self, "sections", placed.sections)
        object.__setattr__(self, "tempo_map", placed.tempo_map or self.tempo_map)

    def _check_melody(self) -> None:
        given = [_ARGUMENTS[name].name for name in _MELODIES if getattr(self, name)]
        if len(given) > 1:
            raise _refusal(given[1], f"{' and '.join(given)}: give one melody, not {len(given)}")
        if self.melody and not self.melody.startswith(b"MThd"):
            raise ProtocolError(
                Code.BAD_MIDI, "melody must be a Standard MIDI File, which begins MThd", "melody"
            )


def ordered_stems(value: object) -> tuple[str, ...]:
    """Read "bass,drums" or a sequence of names into the order of STEMS; raises ProtocolError."""
    if not isinstance(value, str | tuple | list) or not all(isinstance(v, str) for v in value):
        value = check(_ARGUMENTS["stems"], value)
    names = value.split(",") if isinstance(value, str) else list(value)  # type: ignore[call-overload]
    names = [name.strip() for name in names]
    for name in names:
        if name not in STEMS:
            raise _refusal("stems", f"stems must be among {', '.join(STEMS)}, not {shown(name)}")
    if not names or len(set(names)) < len(names):
        raise _refusal("stems", f"stems must name each stem once, not {shown(','.join(names))}")
    return tuple(stem for stem in STEMS if stem in names)


def _refusal(field: str, message: str) -> ProtocolError:
    return ProtocolError(Code.OUT_OF_RANGE, message, field)
