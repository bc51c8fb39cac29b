"""An order for stems: what it holds, what it refuses, how it travels as JSON."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from midi.grid import Meter, MeterChange
from midi.key import Key
from osc_protocol.audio_edits import lora_of
from osc_protocol.errors import Code, ProtocolError
from osc_protocol.generate import Generate
from osc_protocol.split import Split
from stems.chunks import family_of

WHOLE: dict[str, Any] = {
    "bpm": 92.7,
    "key": "Bb minor",
    "bars": 4,
    "meter": "7/8",
    "melody_path": "",
    "melody": b"",
    "notes": "70:0:1 73:1:1/3:90",
    "lead": "vocals",
    "tags": "dub, warm",
    "lyrics": "la la\nla",
    "seed": 7,
    "takes": 3,
    "engine": "embedded",
    "stems": ("drums", "vocals"),
    "sample_rate": 44_100,
    "tempo_map": "4:92.7:ramp 8:120",
    "meter_map": "3:4/4",
    "sections": "1-2:verse 3-4: chorus, loud strings",
    "intensity": "0:0.2 8:0.8",
    "at_beats": 16.0,
    "at_seconds": 0.0,
    "project": "My song_2",
    "from_": "/jobs/1",
    "from_take": 2,
    "bar_range": "2-3",
    "midi_path": "",
    "melody_mode": "keep",
    "melody_strength": 0.25,
    "format": "flac",
    "audio_path": "",
    "edit": "auto",
    "parts": "",
    "reference_path": "",
    "loras": "",
    "language": "",
}


def request(**changes: Any) -> Generate:
    return Generate(**{"bpm": 120.0, "key": "C major", **changes})


def refusal(**changes: Any) -> ProtocolError:
    with pytest.raises(ProtocolError) as caught:
        request(**changes)
    assert caught.value.message.isprintable()
    return caught.value


def test_a_request_knows_its_grid() -> None:
    grid = request(bpm=92.7, meter="7/8", bars=8).grid
    # 8 bars of 7/2 quarters are 28 quarters; at 92.7 a minute they last 28 * 60 / 92.7 s.
    assert grid.seconds == Fraction(28 * 60 * 10, 927)
    assert grid.frames(48_000) == round(28 * 60 * 10 * 48_000 / 927)


def test_a_request_knows_its_key() -> None:
    assert request(key="bb dorian").parsed_key == Key.parse("Bb dorian")


def test_a_request_without_a_melody_has_none() -> None:
    assert request().read_melody() is None


def test_a_melody_in_words_is_read_onto_the_grid() -> None:
    melody = request(notes="60:0:1 62:1:0.5:90").read_melody()
    assert melody is not None
    assert [(n.pitch, n.start_beats, n.length_beats, n.velocity) for n in melody.notes] == [
        (60, 0, 1, 100),
        (62, 1, Fraction(1, 2), 90),
    ]


def one_note_file() -> bytes:
    track = bytes.fromhex("00903c40 8360803c00 00ff2f00")  # middle C for 480 ticks, then the end
    head = bytes.fromhex("4d546864 00000006 0000 0001 01e0")  # MThd, type 0, 480 ticks a quarter
    return head + b"MTrk" + len(track).to_bytes(4, "big") + track


def test_a_melody_is_read_from_a_file_or_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "one note.mid"
    path.write_bytes(one_note_file())
    for wanted in (request(melody=one_note_file()), request(melody_path=str(path))):
        melody = wanted.read_melody()
        assert melody is not None
        assert [(n.pitch, n.length_beats) for n in melody.notes] == [(60, 1)]


def test_a_melody_file_that_is_missing_or_broken_is_an_error_with_its_field(tmp_path: Path) -> None:
    (tmp_path / "broken.mid").write_bytes(one_note_file()[:20])
    for wanted, field in (
        (request(melody_path=str(tmp_path / "none.mid")), "melody-path"),
        (request(melody_path=str(tmp_path / "broken.mid")), "melody-path"),
        (request(melody=one_note_file()[:20]), "melody"),
    ):
        with pytest.raises(ProtocolError, match=field) as caught:
            wanted.read_melody()
        assert (caught.value.code, caught.value.field) == (Code.BAD_MIDI, field)


def test_a_request_without_a_seed_draws_one_and_keeps_it() -> None:
    first, second = request(), request()
    assert first.seed is not None and 0 <= first.seed < 2**31
    assert first.seed == first.seeds[0]
    assert first.seed != second.seed  # by chance once in two thousand million runs
    assert Generate.from_dict(first.as_dict()).seed == first.seed


def test_each_take_has_the_next_seed() -> None:
    assert request(seed=7, takes=3).seeds == (7, 8, 9)
    assert request(seed=2**63 - 1, takes=2).seeds == (2**63 - 1, 0)


def test_stems_are_put_in_their_order_and_may_be_text() -> None:
    assert request(stems=("vocals", "drums")).stems == ("drums", "vocals")
    assert request(stems="bass, drums").stems == ("drums", "bass")
    assert request(stems=["melody"]).stems == ("melody",)


def test_a_tempo_map_takes_over_from_bpm_at_its_first_point() -> None:
    late = request(bpm=100, tempo_map="8:50", bars=4).grid
    # 8 quarters at 100 are 4.8 s, 8 at 50 are 9.6 s.
    assert late.seconds == Fraction(48 + 96, 10)
    at_once = request(bpm=100, tempo_map="0:50 8:100", bars=4)
    assert at_once.bpm == 50.0
    assert at_once.grid.seconds == Fraction(96 + 48, 10)


def test_a_ramp_in_the_tempo_map_moves_linearly_in_time() -> None:
    # 16 quarters from 60 to 120: mean tempo 90, so 16 * 60 / 90 s = 32/3 s.
    assert request(bpm=60, tempo_map="0:60:ramp 16:120", bars=4).grid.seconds == Fraction(32, 3)


def test_a_meter_map_counts_bars_from_1() -> None:
    changed = request(meter_map="3:7/8", bars=4)
    assert changed.grid.meters == (MeterChange(0, Meter(4, 4)), MeterChange(2, Meter(7, 8)))
    assert changed.grid.beats == 4 + 4 + Fraction(7, 2) * 2
    assert request(meter_map="1:3/4").meter == "3/4"


def test_sections_become_one_name_a_bar() -> None:
    assert request(sections="1-2:verse 4-4:end", bars=5).bar_sections == (
        "verse", "verse", "", "end", "",
    )  # fmt: skip
    assert request().bar_sections == ()


def test_an_intensity_curve_is_part_of_the_order() -> None:
    curve = request(intensity="0:0.2 16:0.8").curve
    assert curve is not None and curve.at(8) == pytest.approx(0.5)
    assert request().curve is None


def test_chords_are_on_the_grid_and_give_the_length_where_none_is_given() -> None:
    chords = request(chords="H7 | E", german_h=True).read_chords()
    assert chords is not None
    assert [(each.symbol, each.start_beats) for each in chords.chords] == [("B7", 0), ("E", 4)]
    assert request(chords="C|F|G|C|F").bars == 5
    assert request(chords="C|F|G", bars=8).bars == 8
    assert request().read_chords() is None and "chords" not in request().as_dict()


def test_a_feel_of_none_is_refused_by_an_engine_that_cannot_have_it() -> None:
    assert request(swing=0).swing == 0
    assert refusal(swing=0, engine="ace-step").field == "swing"
    assert refusal(humanise=1, engine="ace-step").field == "humanise"


def test_a_loop_has_no_tail() -> None:
    assert request(tail_seconds=2, ending="full").tail_seconds == 2
    assert refusal(tail_seconds=2, ending="loop").field == "tail-seconds"


def test_chords_are_given_once_and_make_sense() -> None:
    assert refusal(chords="C", chords_path="/a.mid").field == "chords"
    wrong = refusal(chords="C | Zm7")
    assert wrong.field == "chords"
    assert wrong.message.startswith("chords: bar 2: 'Zm7' is no chord symbol")
    assert "hold 3 bars, but the music has 2" in refusal(chords="C|F|G", bars=2).message


def test_a_file_of_chords_that_cannot_be_read_is_an_error_of_its_field() -> None:
    with pytest.raises(ProtocolError, match=r"chords-path: .*No such file") as caught:
        request(chords_path="/no/such.mid").read_files()
    assert caught.value.field == "chords-path"


def test_a_request_survives_json_whole() -> None:
    for wanted in (Generate(**WHOLE), request(melody=one_note_file())):
        text = json.dumps(wanted.as_dict())
        assert Generate.from_dict(json.loads(text)) == wanted


# What version 0.1 stored: programs read it, old programs too, and files are tagged with its hash.
STORED = set(
    "bpm key bars meter melody_path melody notes lead tags lyrics seed takes best gate retries "
    "conform transpose loudness engine stems sample_rate tempo_map meter_map sections intensity "
    "at_beats at_seconds project source source_take bar_range midi_path melody_mode "
    "melody_strength format "
    "audio_path edit parts reference_path loras language".split()
)


def test_a_stored_request_has_the_keys_it_always_had() -> None:
    # A field that was added since must be stored_if_set, or the hash in the files changes.
    assert set(request(from_="/job", from_take=2).as_dict()) == STORED
    read = Generate.from_dict({"bpm": 90, "key": "C", "source": "/job", "source_take": 2})
    assert (read.from_, read.from_take) == ("/job", 2)
    split = Split("/a.wav", start_seconds=1.5).as_dict()
    assert split["from_seconds"] == 1.5 and Split.from_dict(split).start_seconds == 1.5


def test_the_files_of_a_request_carry_the_hash_that_they_always_carried() -> None:
    # As the files of 8ccf78a do, so that `reproduce` finds a result of that version the same.
    assert family_of(request(seed=7).as_dict()) == "f146c9e646ad5758b57a1cbad186003e"


def test_a_dict_with_an_unknown_or_a_missing_field_is_refused() -> None:
    with pytest.raises(ProtocolError, match="'tempo' is not a field"):
        Generate.from_dict({"bpm": 90, "key": "C", "tempo": 3})
    with pytest.raises(ProtocolError, match="key is missing") as caught:
        Generate.from_dict({"bpm": 90})
    assert caught.value.code == Code.MISSING_ARGUMENT
    with pytest.raises(ProtocolError, match="base64"):
        Generate.from_dict({"bpm": 90, "key": "C", "melody": "§"})


@pytest.mark.parametrize(
    ("bpm", "code"),
    [
        (0, Code.OUT_OF_RANGE),
        (-90, Code.OUT_OF_RANGE),
        (19.999, Code.OUT_OF_RANGE),
        (400.001, Code.OUT_OF_RANGE),
        (math.nan, Code.OUT_OF_RANGE),
        (math.inf, Code.OUT_OF_RANGE),
        (-math.inf, Code.OUT_OF_RANGE),
        (1e9, Code.OUT_OF_RANGE),
        ("fast", Code.BAD_TYPE),
        (True, Code.BAD_TYPE),
        (None, Code.BAD_TYPE),
    ],
)
def test_an_impossible_tempo_is_refused(bpm: object, code: Code) -> None:
    error = refusal(bpm=bpm)
    assert (error.code, error.field) == (code, "bpm")
    assert "20 to 400" in error.message
    assert str(bpm) in error.message


def test_the_slowest_and_the_fastest_tempo_are_fine() -> None:
    assert request(bpm=20).grid.bpm == 20
    assert request(bpm=400).grid.bpm == 400


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"key": "H minor"}, "key", "H minor"),
        ({"key": ""}, "key", "''"),
        ({"bars": 0}, "bars", "from 1"),
        ({"bars": -1}, "bars", "from 1"),
        ({"bars": 301}, "bars", "600 s"),  # 301 bars of 2 s
        ({"meter": "4/5"}, "meter", "5"),
        ({"meter": "33/4"}, "meter", "32"),
        ({"meter": "waltz"}, "meter", "waltz"),
        ({"takes": 0}, "takes", "1 to 8"),
        ({"takes": 9}, "takes", "1 to 8"),
        ({"engine": "magic"}, "engine", "embedded, ace-step"),
        ({"lead": "drums"}, "lead", "melody, vocals"),
        ({"stems": "guitar"}, "stems", "guitar"),
        ({"stems": ("drums", "drums")}, "stems", "once"),
        ({"stems": ()}, "stems", "''"),
        ({"stems": 5}, "stems", "5"),
        ({"stems": (5,)}, "stems", "5"),
        ({"sample_rate": 48_001}, "sample-rate", "44100, 48000, 96000"),
        ({"seed": -1}, "seed", "from 0"),
        ({"seed": 2**63}, "seed", "9223372036854775807"),
        ({"at_seconds": -1}, "at-seconds", "from 0"),
        ({"at_seconds": 1, "at_beats": 1}, "at-beats", "not both"),
        ({"project": "../../etc"}, "project", "letters"),
        ({"tempo_map": "0"}, "tempo-map", "'0'"),
        ({"tempo_map": "0:90:slide"}, "tempo-map", "slide"),
        ({"tempo_map": "0:90:ramp:ramp"}, "tempo-map", "ramp:ramp"),
        ({"tempo_map": "0:nan"}, "tempo-map", "nan"),
        ({"tempo_map": "-1:90"}, "tempo-map", "-1"),
        ({"tempo_map": "0:401"}, "tempo-map", "400"),
        ({"tempo_map": "0:90 0:91"}, "tempo-map", "ascend"),
        ({"tempo_map": "4:90 2:91"}, "tempo-map", "ascend"),
        ({"tempo_map": "0:20", "bars": 51}, "tempo-map", "600 s"),  # 51 bars of 12 s
        ({"meter_map": "0:3/4"}, "meter-map", "0:3/4"),
        ({"meter_map": "1:3/5"}, "meter-map", "5"),
        ({"meter_map": "5:3/4 3:4/4"}, "meter-map", "ascend"),
        ({"meter_map": "9:3/4"}, "meter-map", "past"),
        ({"sections": "verse"}, "sections", "verse"),
        ({"sections": "1-9:verse"}, "sections", "1 to 8"),
        ({"sections": "2-1:verse"}, "sections", "order"),
        ({"sections": "1-4:a 4-8:b"}, "sections", "apart"),
        ({"sections": "0-4:a"}, "sections", "0-4"),
        ({"intensity": "0:2"}, "intensity", "from 0 to 1, not 2"),
        ({"intensity": "loud"}, "intensity", "not 'loud'"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_with_field_value_and_limit(
    changes: dict[str, Any], field: str, words: str
) -> None:
    error = refusal(**changes)
    assert error.field == field
    assert words in error.message


def test_ten_minutes_are_fine_and_a_bar_more_is_not() -> None:
    assert request(bars=300).grid.seconds == 600
    assert refusal(bars=301).code == Code.OUT_OF_RANGE


def test_the_longest_bar_at_the_slowest_tempo_is_fine() -> None:
    # 32 whole notes are 128 quarters; at 20 a minute they last 384 s.
    assert request(bars=1, bpm=20, meter="32/1").grid.seconds == 384


@pytest.mark.parametrize(
    "notes", ["60", "60:0", "60:0:0", "60:0:-1", "60:-1:1", "128:0:1", "60:0:1:0", "60:0:1:128",
              "x:0:1", "60:nan:1", "60:0:1:90:1", "60:1/0:1", "60:40:1"]
)  # fmt: skip
def test_notes_that_cannot_be_played_are_refused_at_once(notes: str) -> None:
    error = refusal(notes=notes)  # 60:40:1 begins at beat 40, after the 32 of 8 bars
    assert (error.code, error.field) == (Code.BAD_MIDI, "notes")


def test_a_blob_that_is_no_midi_file_is_refused_at_once() -> None:
    error = refusal(melody=b"RIFFxxxxWAVE")
    assert (error.code, error.field) == (Code.BAD_MIDI, "melody")


def test_two_melodies_are_one_too_many() -> None:
    error = refusal(notes="60:0:1", melody_path="/a.mid")
    assert (error.code, error.field) == (Code.OUT_OF_RANGE, "notes")
    assert "melody-path and notes" in error.message


@pytest.mark.parametrize(
    ("bar_range", "span"), [("", (0, 8)), ("3", (2, 3)), ("5-8", (4, 8)), ("1-8", (0, 8))]
)
def test_a_range_of_bars_is_counted_from_one_and_holds_its_last(
    bar_range: str, span: tuple[int, int]
) -> None:
    assert request(from_="/job", bar_range=bar_range).bar_span == span


@pytest.mark.parametrize("bar_range", ["0-2", "7-9", "3-2", "a", "1-", "-2", "1-2-3", "9"])
def test_a_range_outside_the_bars_is_refused(bar_range: str) -> None:
    error = refusal(from_="/job", bar_range=bar_range)
    assert (error.code, error.field) == (Code.OUT_OF_RANGE, "bar-range")
    assert "1-8" in error.message


def test_a_change_needs_something_to_change() -> None:
    assert refusal(bar_range="1-2").field == "bar-range"
    assert refusal(midi_path="/a.mid", stems=("bass",)).field == "midi-path"


def test_new_notes_are_those_of_one_stem_in_all_bars() -> None:
    assert request(from_="/job", midi_path="/a.mid", stems=("bass",)).stems == ("bass",)
    assert refusal(from_="/job", midi_path="/a.mid").field == "stems"
    assert (
        refusal(from_="/job", midi_path="/a.mid", stems=("bass",), bar_range="1").field
        == "midi-path"
    )


def heard(**changes: Any) -> Generate:
    return request(engine="ace-step", audio_path="/a.wav", **changes)


def test_a_sound_is_covered_unless_bars_of_it_are_named() -> None:
    assert heard().edited == "cover"
    assert heard(bar_range="2-3").edited == "repaint"
    assert heard(edit="extend").edited == "extend"
    assert request().edited == ""


@pytest.mark.parametrize(
    ("changes", "field", "limit"),
    [
        ({"edit": "remix"}, "edit", "one of auto, cover, repaint, extend, lego"),
        ({"edit": "repaint"}, "bar-range", "must name the bars to repaint"),
        ({"edit": "extend", "bar_range": "1-2"}, "bar-range", "only a repaint"),
        ({"edit": "lego"}, "parts", "must name one part for lego"),
        ({"edit": "lego", "parts": "drums,bass"}, "parts", "not 'drums,bass'"),
        ({"edit": "complete", "parts": "kazoo"}, "parts", "must be among vocals"),
        ({"parts": "bass"}, "parts", "must be left out for cover"),
        ({"from_": "/job"}, "audio-path", "give one of them"),
        ({"loras": "/a.safetensors:3"}, "loras", "scales from 0 to 2, not 3"),
        ({"loras": "/a\n" * 5}, "loras", "at most 4 adapters, not 5"),
        ({"language": "English"}, "language", "two or three letters"),
        ({"steps": 201}, "steps", "from 1 to 200, not 201"),
        ({"guidance": 0.5}, "guidance", "from 1 to 20"),
        ({"shift": 0.1}, "shift", "from 1 to 10"),
        ({"sampler": "dpm"}, "sampler", "euler, heun, sde"),
        ({"dcw": "1,0"}, "dcw", "two numbers from 0 to 0.5, 0.05,0.02, not '1,0'"),
        ({"dcw": "a"}, "dcw", "must be off or two numbers"),
        ({"chunk_mask": 3}, "chunk-mask", "from 1 to 2"),
    ],
)
def test_edits_that_cannot_be_are_refused_by_field(
    changes: dict[str, Any], field: str, limit: str
) -> None:
    with pytest.raises(ProtocolError) as caught:
        heard(**changes)
    assert caught.value.field == field
    assert limit in caught.value.message


@pytest.mark.parametrize(
    "changes",
    [{"audio_path": "/a"}, {"reference_path": "/a"}, {"loras": "/a"}, {"language": "ja"},
     {"parts": "bass"}, {"steps": 9}, {"guidance": 2}, {"shift": 2}, {"sampler": "heun"},
     {"dcw": "off"}, {"chunk_mask": 1}],
    ids=str,
)  # fmt: skip
def test_the_embedded_engine_says_what_it_cannot_do(changes: dict[str, Any]) -> None:
    error = refusal(**changes)
    assert error.field == next(iter(changes)).replace("_", "-")
    assert "needs engine ace-step" in error.message


def test_an_edit_needs_a_sound() -> None:
    assert refusal(edit="cover", engine="ace-step").field == "edit"


@pytest.mark.parametrize(
    ("line", "path", "scale"),
    [("a.safetensors", "a.safetensors", 1.0), ("a:0.5", "a", 0.5), ("C:\\a", "C:\\a", 1.0)],
)
def test_an_adapter_is_written_as_path_and_scale(line: str, path: str, scale: float) -> None:
    assert lora_of(line) == (path, scale)
