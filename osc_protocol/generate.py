"""The request to generate music: what a musician asks for, checked whole."""

import re
import secrets
from fractions import Fraction
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from audio.stem_names import LEADS, STEMS
from diffusion.edits import EDITS, MAX_LORAS, MELODY_MODES, MOST_PARTS
from diffusion.engines import (
    DEFAULT_ENGINE,
    ENGINES,
    engine_names,
    engine_spec,
    every_choice,
    widest,
)
from midi.curve import Curve
from midi.errors import MelodyError
from midi.grid import MAX_BARS, MAX_BPM, MAX_SECONDS, MIN_BARS, MIN_BPM, Grid, TempoPoint
from midi.key import Key as MusicalKey
from midi.meter import MeterChange
from midi.number import exact
from midi.timed_prompts import is_timed
from osc_protocol.argument import CHANGE, MAX_PATH_BYTES, VARY, Key
from osc_protocol.audio_edits import dcw_of, loras_of, parts_of
from osc_protocol.checks import shown
from osc_protocol.chord_fields import bars_of_chords, read_chords
from osc_protocol.errors import Code, ProtocolError, named, refusal, refusing
from osc_protocol.fields import (
    OUTPUT,
    AtBeats,
    AtSeconds,
    DryRun,
    Format,
    Priority,
    RequestRid,
    check_one_position,
    give_one,
)  # fmt: skip
from osc_protocol.message import Request
from osc_protocol.protocol import MAX_INT, MAX_SEED
from osc_protocol.song_maps import (
    bar_names,
    grid_of,
    length_in_bars,
    meters_of,
    on_bars,
    tempo_points,
)

if TYPE_CHECKING:
    from diffusion.engines import EngineSpec
    from midi.chords import Progression
    from midi.lead_sheet import LeadSheet
    from midi.melody import Melody

DEFAULT_BARS = 8
MAX_TAIL_SECONDS = 30
ENDINGS = ("auto", "loop", "full")
_parsed_key = lru_cache(MusicalKey.parse)
SAMPLE_RATES = (44_100, 48_000, 96_000)
MELODIES = ("melody_path", "melody", "notes")  # the ways to give the one melody
# Headings of the command line's help
MUSIC, STYLE, MELODY = "Music", "Style and form", "Melody and chords"
RESULT, TAKES, AUDIO = "Change a result", "Takes", "Edit audio (ace-step, stable-audio-3)"
SAMPLING = "Sampling (ace-step, stable-audio-3); without them as the checkpoint was trained"
_STEPS, _GUIDANCE, _SHIFT, _MASK = map(widest, ("steps", "guidance", "shift", "chunk_mask"))


class Generate(Request, address="/backline/generate", answers=("Accepted",)):
    """Makes stems. The same rid with the same parameters is the same job, however often sent.

    A length in seconds becomes bars, times in `tags` become sections and tempo map, and a seed is
    drawn where none is given: in an existing request `seconds` is 0 and `bars` and `seed` are
    numbers. `bpm` holds until the first point of `tempo_map`; a point at beat 0 replaces it;
    `meter` and `meter_map` likewise. With `from_`, a finished job's folder, only `stems` are
    generated, in `bar_range` or as `midi_path` has them; all else repeats that job's request.
    """

    # fmt: off
    bpm: Annotated[float, Key("quarter notes a minute, whatever the meter", low=MIN_BPM,
        high=MAX_BPM, unit="bpm", position=1, group=MUSIC, example="92.5")]
    key: Annotated[str, Key('as musicians write it: "A minor", "F#m", "Bb dorian"', max_bytes=64,
        position=2, group=MUSIC, example='"C minor"')]
    seconds: Annotated[float, Key("length, taken as the nearest whole number of bars",
        low=0, high=MAX_SECONDS, unit="s", position=3, in_request=False, kept_by=(), group=MUSIC,
        example="30")] = 0.0
    tags: Annotated[str, Key("style in words, comma-separated, with times if you like: [0:15] loud",
        max_bytes=4096, position=4, group=STYLE, example='"lofi, warm bass"', from_file=True)] = ""
    bars: Annotated[int, Key("length in bars", low=MIN_BARS, high=MAX_BARS, unit="bars",
        unset=str(DEFAULT_BARS), group=MUSIC, example="16")] = None  # type: ignore[assignment]
    meter: Annotated[str, Key("time signature, n/2^k", max_bytes=8, aliases=("timesig",),
        group=MUSIC, example="7/8")] = "4/4"
    lyrics: Annotated[str, Key("words for the vocals, lines by newline", max_bytes=4096,
        group=STYLE, example="@words.txt", from_file=True)] = ""
    seed: Annotated[int, Key("the same seed makes the same frames", low=0,
        high=MAX_SEED, unset="drawn", kept_by=(), group=TAKES,
        example="7")] = None  # type: ignore[assignment]
    stems: Annotated[tuple[str, ...], Key("which stems, comma-separated", choices=STEMS,
        group=OUTPUT, example="drums,bass")] = STEMS
    takes: Annotated[int, Key("how many takes, each with a seed one higher", low=1, high=8,
        aliases=("variations",), kept_by=(VARY,), group=TAKES, example="3")] = 1
    best: Annotated[int, Key("keep only so many takes, the best by what is measured; 0: all",
        low=0, high=8, kept_by=(VARY,), group=TAKES, example="1")] = 0
    gate: Annotated[str, Key("limits a take must keep: on, or tempo=1 placement=30 melody=0.8 "
        "chords=0.9 key=same,relative faults=0 (docs/guide/grid.md); empty: none", max_bytes=200,
        pattern=r"(((on|(tempo|placement|melody|chords)=[0-9.]+|faults=[0-9]+|key=[a-z,]+) ?)+)?",
        kept_by=(VARY,), group=TAKES, example="on")] = ""
    retries: Annotated[int, Key("with a gate: how many more seeds to try when no take passes",
        low=0, high=8, group=TAKES, example="4")] = 2
    conform: Annotated[str, Key("stretch takes onto the grid; auto: where the engine gives a mix",
        choices=("auto", "on", "off"), group=OUTPUT, example="off")] = "auto"
    transpose: Annotated[bool, Key("1: transpose a take that is in another key", kept_by=(VARY,),
        group=OUTPUT)] = False
    loudness: Annotated[float | None, Key("integrated loudness of the mix",
        low=-40, high=-6, unit="LUFS", unset="as the engine plays", kept_by=(VARY,), group=OUTPUT,
        example="-14")] = None
    dry: Annotated[bool, Key("1: leave out embedded's mix (levels, room, width, compression, "
        "loudness): stems with headroom", stored_if_set=True, group=OUTPUT)] = False
    engine: Annotated[str, Key("which model plays", choices=engine_names(), group=MUSIC,
        example="embedded")] = DEFAULT_ENGINE
    sample_rate: Annotated[int, Key("frames a second", choices=tuple(map(str, SAMPLE_RATES)),
        unit="Hz", aliases=("rate",), group=OUTPUT, example="44100")] = 48_000
    format: Format = "wav32f"
    melody_path: Annotated[str, Key("MIDI file with the melody", "path",
        option="--melody", group=MELODY, example="tune.mid")] = ""
    melody: Annotated[bytes, Key("that MIDI file itself; at most 8192 bytes travel everywhere",
        max_bytes=2**20, kept_by=(CHANGE,),
        wire_only="the command line names the file: --melody")] = b""
    notes: Annotated[str, Key("melody in words: pitch:start:length[:velocity] ..., in quarters",
        max_bytes=8192, group=MELODY, example='"60:0:1 62:1:1"', from_file=True)] = ""
    lead: Annotated[str, Key("which stem carries the melody", choices=LEADS, group=MELODY,
        example="vocals")] = "melody"
    chords: Annotated[str, Key("chords, a vertical line between bars: those of a bar have equal "
        "shares, . holds, % repeats the bar", max_bytes=8192, kept_by=(VARY,),
        stored_if_set=True, group=MELODY, example='"Am7 F | C G/B"', from_file=True)] = ""
    chords_path: Annotated[str, Key("file of chords: text as above, or the MIDI of a part that "
        "plays them; give bars with it", "path", kept_by=(VARY,), stored_if_set=True, group=MELODY,
        example="chords.mid")] = ""
    german_h: Annotated[bool, Key("1: in chords H is B natural and B is B flat",
        stored_if_set=True, group=MELODY)] = False
    plan_path: Annotated[str, Key("lead sheet to play: a folder of `plan` or of a result, or a "
        ".json or .mid file of one", "path", kept_by=(VARY,), stored_if_set=True, option="--plan",
        group=MELODY, example="PLAN")] = ""
    ending: Annotated[str, Key("loop: the end goes on at the start; full: it comes to an end; "
        "auto: loop under 32 bars", choices=ENDINGS, stored_if_set=True, group=STYLE,
        example="full")] = "auto"
    swing: Annotated[float | None, Key("how late the second eighth of a beat comes: 0 straight, 1 "
        "the last of a triplet; a melody given stays as it is", low=0, high=1,
        unset="as the style has it", stored_if_set=True, group=STYLE, example="0.6")] = None
    humanise: Annotated[float | None, Key("how far beside the grid notes are played, 0 on it, "
        "1 as a player would; a melody given stays as it is", low=0, high=1,
        unset="0", stored_if_set=True, group=STYLE, example="0.5")] = None
    tail_seconds: Annotated[float, Key("how long the end rings on after the last bar", low=0,
        high=MAX_TAIL_SECONDS, unit="s", stored_if_set=True, option="--tail", group=OUTPUT,
        example="3")] = 0.0
    tempo_map: Annotated[str, Key("tempo changes, beat:bpm[:ramp] ..., beats in quarters from 0",
        max_bytes=8192, group=MUSIC, example='"0:92:ramp 16:120"', from_file=True)] = ""
    meter_map: Annotated[str, Key("time signature changes, bar:n/d ..., bars from 1",
        max_bytes=8192, group=MUSIC, example='"1:4/4 5:7/8"', from_file=True)] = ""
    sections: Annotated[str, Key("parts of the song, first-last:name ..., bars from 1; a name "
        "is a tag, words or both", max_bytes=4096, option="--section", lines=True, group=STYLE,
        example='"1-8: intro, soft pads"')] = ""
    intensity: Annotated[str, Key("how intense the music is, beat:value ..., from 0 to 1",
        max_bytes=8192, group=STYLE, example='"0:0.2 16:0.8"', from_file=True)] = ""
    at_seconds: AtSeconds = 0.0
    at_beats: AtBeats = 0.0
    project: Annotated[str, Key("label of the project: letters, digits, space, _ and -",
        max_bytes=64, pattern=r"[A-Za-z0-9 _-]+", group=OUTPUT, example='"My song"')] = ""
    from_: Annotated[str, Key("folder of a finished job: generate a part of it again", "path",
        aliases=("source",), stored_as="source", kept_by=(), group=RESULT, example="OUT")] = ""
    from_take: Annotated[int, Key("which take of that result", low=1, high=8,
        aliases=("source-take",), stored_as="source_take", kept_by=(), group=RESULT,
        example="2")] = 1
    bar_range: Annotated[str,
        Key("only these bars, first-last, bars from 1; of that result, or to repaint",
        max_bytes=16, aliases=("range",), kept_by=(), option="--range", group=RESULT,
        example="5-8")] = ""
    midi_path: Annotated[str, Key("MIDI file with new notes for the one stem asked, which "
        "keeps its sound", "path", aliases=("midi",), kept_by=(), option="--midi", group=RESULT,
        example="edited.mid")] = ""
    melody_mode: Annotated[str, Key("how ace-step uses the melody, see docs/guide/engines.md",
        choices=MELODY_MODES, group=MELODY, example="keep")] = "cover"
    melody_strength: Annotated[float, Key("how strongly ace-step follows the melody",
        low=0, high=1, group=MELODY, example="0.8")] = 0.5
    audio_path: Annotated[str, Key("sound file to edit; it begins at bar 1",
        "path", kept_by=(), option="--audio", old_options=("--source",), group=AUDIO,
        example="song.wav")] = ""
    edit: Annotated[str, Key("what becomes of it; auto: repaint where bars are named, else cover",
        choices=("auto", *EDITS), kept_by=(), group=AUDIO, example="extend")] = "auto"
    parts: Annotated[str, Key("parts for lego, extract (one) and complete, comma-separated",
        max_bytes=200, kept_by=(), group=AUDIO, example="bass,drums")] = ""
    reference_path: Annotated[str, Key("sound file whose timbre is borrowed", "path",
        option="--reference", group=AUDIO, example="voice.wav")] = ""
    loras: Annotated[str, Key("LoRA adapters, path[:scale], one a line", "adapters",
        max_bytes=MAX_LORAS * (MAX_PATH_BYTES + 8), option="--lora", lines=True, group=AUDIO,
        example="style.safetensors:0.8")] = ""
    language: Annotated[str, Key("language of the lyrics in two or three letters: en, ja",
        max_bytes=64, pattern=r"[a-z]{2,3}", group=STYLE, example="en")] = ""
    steps: Annotated[int | None, Key("diffusion steps", low=int(_STEPS[0]), high=int(_STEPS[1]),
        unset="the checkpoint's", stored_if_set=True, group=SAMPLING, example="27")] = None
    guidance: Annotated[float | None, Key("how far the words push; 1: not at all",
        low=_GUIDANCE[0], high=_GUIDANCE[1], unset="the checkpoint's", stored_if_set=True,
        group=SAMPLING, example="5")] = None
    shift: Annotated[float | None, Key("more steps for the outline the higher it is; 1: even",
        low=_SHIFT[0], high=_SHIFT[1], unset="the checkpoint's", stored_if_set=True,
        group=SAMPLING, example="3")] = None
    sampler: Annotated[str, Key("how the steps are taken, see docs/guide/engines.md",
        choices=("", *every_choice("sampler")), unset="the checkpoint's", stored_if_set=True,
        group=SAMPLING, example="heun")] = ""
    dcw: Annotated[str, Key("correction of the low and the high band, low,high or off",
        max_bytes=40, unset="the checkpoint's", stored_if_set=True, group=SAMPLING,
        example="0.05,0.02")] = ""
    chunk_mask: Annotated[float | None, Key("1: make all of it; 2: the model decides",
        low=_MASK[0], high=_MASK[1], unset="the checkpoint's", stored_if_set=True,
        group=SAMPLING, example="1")] = None
    code_planner: Annotated[str, Key("language model that plans the song as codes first",
        max_bytes=200, unset="none", stored_if_set=True, group=SAMPLING,
        example="planner-0.6b")] = ""
    priority: Priority = 0
    dry_run: DryRun = False
    rid: RequestRid = ""
    # fmt: on

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_melody()
        self._set_length()
        if is_timed(self.tags):
            self._place_prompts()
        check_one_position(self.at_seconds, self.at_beats)
        _ = self.parsed_key
        self._set(bpm=self.grid.bpm, meter=str(self.grid.meter))
        _ = self.bar_sections, self.curve
        self._check_change()
        self._check_engine()
        self._check_edit()
        if self.seed is None:
            self._set(seed=secrets.randbelow(MAX_INT), drawn=("seed",))
        if self.notes:
            self.read_melody()
        if self.chords:
            self.read_chords()

    @cached_property
    def grid(self) -> Grid:
        """The bars, tempi and meters that were asked for."""
        return grid_of(self.bars, self.bpm, self.meter, self.tempo_map, self.meter_map)

    @cached_property
    def parsed_key(self) -> MusicalKey:
        """The key and mode."""
        with refusing("key"):
            return _parsed_key(self.key)

    @cached_property
    def bar_sections(self) -> tuple[str, ...]:
        """One section name a bar, "" where there is none; nothing at all where none was asked."""
        return bar_names(self.sections, self.bars)

    @cached_property
    def curve(self) -> Curve | None:
        """The intensity over beats, or None where that is left to the engine."""
        if not self.intensity.strip():
            return None
        with refusing("intensity"):
            return Curve.parse(self.intensity)

    def read_melody(self) -> "Melody | None":
        """The melody on the grid, or None; reads `melody_path` if there is one."""
        from midi.melody import melody_from_text, read_melody

        given = next((name for name in MELODIES if getattr(self, name)), None)
        try:
            if given == "melody_path":
                return read_melody(Path(self.melody_path), self.grid)
            if given == "melody":
                return read_melody(self.melody, self.grid)
            return melody_from_text(self.notes, self.grid) if given else None
        except MelodyError as error:
            field = given or "notes"
            raise refusal(field, f": {error}", Code.BAD_MIDI) from None

    def read_chords(self) -> "Progression | None":
        """The chords on the grid, or None; reads `chords_path` if there is one."""
        return read_chords(
            self.chords, self.chords_path, self.grid, self.parsed_key, german_h=self.german_h
        )

    def read_plan(self) -> "tuple[LeadSheet, tuple[str, ...]] | None":
        """The lead sheet of `plan_path` on the grid with sentences on it, or None."""
        if not self.plan_path:
            return None
        from midi.lead_sheet_file import read_sheet

        with refusing("plan_path", colon=True):
            return read_sheet(Path(self.plan_path), self.grid, self.parsed_key)

    def read_files(self) -> None:
        """Read melody, chords and plan, to refuse now what cannot be read; ProtocolError."""
        self.read_melody()
        self.read_chords()
        self.read_plan()

    @property
    def music_seconds(self) -> float:
        """How much sound comes of it, all takes together."""
        return float(self.grid.seconds) * self.takes

    @property
    def bar_span(self) -> tuple[int, int]:
        """The bars to generate, from the first up to but without the last, counted from 0."""
        if not self.bar_range:
            return 0, self.bars
        found = re.fullmatch(r"(\d+)(?:-(\d+))?", self.bar_range)
        first, end = (int(found[1]) - 1, int(found[2] or found[1])) if found else (0, 0)
        if not 0 <= first < end <= self.bars:
            wanted = f" must lie in 1-{self.bars}, not {shown(self.bar_range)}"
            raise refusal("bar_range", wanted)
        return first, end

    @property
    def edited(self) -> str:
        """The edit of `audio_path` that is asked for, never auto; "" without one."""
        if not self.audio_path:
            return ""
        if self.edit != "auto":
            return self.edit
        return "repaint" if self.bar_range else "cover"

    @property
    def chooses(self) -> bool:
        """Whether takes are judged, to keep the best or those that pass."""
        return bool(self.best or self.gate)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seed of each take: `seed`, the next one, and so on."""
        return tuple((self.seed + take) % (MAX_SEED + 1) for take in range(self.takes))

    @property
    def more_seeds(self) -> tuple[int, ...]:
        """The seeds to try next where no take passes the gate."""
        first = self.seed + self.takes
        return tuple((first + more) % (MAX_SEED + 1) for more in range(self.retries))

    def _set_length(self) -> None:
        """Work out `bars` from seconds, times in `tags` or chords, or take the default."""
        if self.seconds:
            for other in ("bars", "tempo_map", "meter_map"):
                if getattr(self, other):
                    raise give_one("seconds", other)
            self._set(bars=self._nearest_bars(), seconds=0.0)
        if self.bars is None:
            bars = self._timed_bars() if is_timed(self.tags) else None
            self._set(bars=bars or bars_of_chords(self.chords) or DEFAULT_BARS)

    @property
    def _exact_bpm(self) -> Fraction:
        return exact(self.bpm) or Fraction(0)  # a number within its limits, and so never None

    def _nearest_bars(self) -> int:
        if is_timed(self.tags):
            return self._timed_bars(Fraction(str(self.seconds))) or 1
        seconds, bpm, beats = exact(self.seconds), self._exact_bpm, self._meters[0].meter.beats
        assert seconds is not None, "a number within its limits"
        # seconds * bpm / 60 / beats as one fraction: four steps of Fraction take far longer.
        above = seconds.numerator * bpm.numerator * beats.denominator
        below = seconds.denominator * bpm.denominator * beats.numerator * 60
        return max(1, (2 * above + below) // (2 * below))

    def _timed_bars(self, seconds: Fraction | None = None) -> int | None:
        return length_in_bars(self.tags, self._exact_bpm, self._meters, seconds)

    def _place_prompts(self) -> None:
        """Put what timed tags say into tags, sections and tempo map, which then say it."""
        if self.sections:
            both = f" and times in {named('tags')}: give one of them, not both"
            raise refusal("sections", both)
        bpm, tempo = self._exact_bpm, tempo_points(self.tempo_map)
        if tempo and tempo[0].beat > 0:
            tempo = (TempoPoint(Fraction(0), bpm), *tempo)
        placed = on_bars(self.tags, bpm, self._meters, tempo, self.bars)
        tempo_map = placed.tempo_map or self.tempo_map
        self._set(tags=placed.tags, sections=placed.sections, tempo_map=tempo_map)

    @property
    def _meters(self) -> tuple[MeterChange, ...]:
        return meters_of(self.meter, self.meter_map)

    def _check_melody(self) -> None:
        given = [name for name in MELODIES if getattr(self, name)]
        if len(given) > 1:
            both = " and ".join(map(named, given))
            sentence = f"{both}: give one melody, not {len(given)}"
            raise ProtocolError(Code.OUT_OF_RANGE, sentence, given[1])
        if self.melody and not self.melody.startswith(b"MThd"):
            wanted = " must be a Standard MIDI File, which begins MThd"
            raise refusal("melody", wanted, Code.BAD_MIDI)

    def _check_change(self) -> None:
        """Refuse what changes a result where there is none, or changes what is to stay."""
        changes = (self.from_take != 1, "from_take"), (self.midi_path, "midi_path")
        for given, field in (*changes, (self.bar_range and not self.audio_path, "bar_range")):
            if given and not self.from_:
                raise refusal(field, f" changes a result: give {named('from_')} with it")
        if self.best > self.takes:
            wanted = f" must be at most {named('takes')} ({self.takes}), not {self.best}"
            raise refusal("best", wanted)
        if self.from_ and (self.loudness is not None or self.transpose):
            field = "transpose" if self.transpose else "loudness"
            kept = f"what {named('from_')} is to keep"
            raise refusal(field, f" would change {kept}: leave it out")
        _ = self.bar_span
        if self.tail_seconds and self.ending == "loop":
            raise refusal("tail_seconds", f" and {named('ending')} loop exclude each other")
        if self.midi_path and self.bar_range:
            raise give_one("midi_path", "bar_range")
        if self.midi_path and len(self.stems) != 1:
            wanted = f" must name the one stem whose notes {named('midi_path')} holds"
            raise refusal("stems", wanted)

    def _check_edit(self) -> None:
        """Refuse an edit without its sound, its bars or its parts."""
        if self.audio_path and self.from_:
            raise give_one("audio_path", "from_")
        if self.edit != "auto" and not self.audio_path:
            raise refusal("edit", f" {self.edit} needs a sound: give {named('audio_path')} with it")
        if not (self.audio_path or self.parts or self.bar_range or self.loras):
            return
        parts, edit = parts_of(self.parts), self.edited
        most = MOST_PARTS.get(edit, 0)
        if len(parts) > most or (most and not parts):
            wanted = {0: "be left out", 1: "name one part"}.get(most, "name one part or more")
            given = shown(self.parts)
            raise refusal("parts", f" must {wanted} for {edit or 'a song'}, not {given}")
        if self.bar_range and edit not in ("", "repaint"):
            wanted = f" must be left out for {edit}: only a repaint has bars of its own"
            raise refusal("bar_range", wanted)
        if edit == "repaint" and not self.bar_range:
            raise refusal("bar_range", " must name the bars to repaint, such as 5-8")
        loras_of(self.loras)

    def _check_range_of(self, spec: "EngineSpec") -> None:
        """Refuse a number or a word that another engine would take and this one does not."""
        for field, (low, high) in spec.limits.items():
            value = getattr(self, field)
            if isinstance(value, int | float) and not low <= value <= high:
                wanted = f"{low:g} to {high:g} for engine {spec.name}, not {value:g}"
                raise refusal(field, f" must be from {wanted}")
        for field, words in spec.choices.items():
            value = getattr(self, field)
            if value and value not in words:
                wanted = f"{', '.join(words)} for engine {spec.name}, not {shown(value)}"
                raise refusal(field, f" must be one of {wanted}")
        if self.edited and self.edited not in spec.edits:
            wanted = f"{', '.join(spec.edits)} for engine {spec.name}, not {self.edited}"
            raise refusal("edit", f" must be one of {wanted}")

    def _check_engine(self) -> None:
        """Refuse what the engine asked for cannot do, as its row says."""
        spec = engine_spec(self.engine)
        for field, default, able in _not_honoured(spec.name):
            if (value := getattr(self, field)) is not default and value != default:
                cannot = f"the {spec.name} engine cannot do this"
                raise refusal(field, f" needs engine {able}: {cannot}")
        if self.dcw:
            dcw_of(self.dcw)
        self._check_range_of(spec)
        for field, what, value, limits, unit in (
            ("bpm", named("bpm"), self.bpm, spec.bpm, "bpm"),
            ("bars", f"length in {named('bars')}", self.grid.seconds, spec.seconds, "s"),
        ):
            if limits and not limits[0] <= value <= limits[1]:
                wanted = f"{limits[0]:g} to {limits[1]:g} {unit} for engine {spec.name}"
                sentence = f"{what} must be from {wanted}, not {float(value):g}"
                raise ProtocolError(Code.OUT_OF_RANGE, sentence, field)
        if spec.meters and self.meter not in spec.meters:
            meters = ", ".join(spec.meters)
            wanted = f" must be one of {meters} for engine {spec.name}, not {self.meter}"
            raise refusal("meter", wanted)
        for stem in self.stems:
            if stem not in spec.stems:
                sentence = f"engine {spec.name} makes no {stem}"
                raise ProtocolError(Code.OUT_OF_RANGE, sentence, "stems")


@lru_cache
def _not_honoured(name: str) -> tuple[tuple[str, object, str], ...]:
    """Each field that an engine cannot use, with its default and an engine that can."""
    spec = engine_spec(name)
    return tuple(
        (field, getattr(Generate, field), able.name)
        for able in ENGINES
        for field in sorted(able.honours - spec.honours)
    )
