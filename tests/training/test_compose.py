"""The composer: what every piece must be, whatever the seed."""

from __future__ import annotations

from itertools import pairwise

import pytest

from diffusion.embedded.bar import Event, bar_of, lay
from diffusion.embedded.performance import DRUMS, RANGES, TIMBRES
from training.compose import SECTIONS, STYLES, Piece, Tune, compose, held_out
from training.compose.harmony import SCALES
from training.tunes import Strain, make_row, mode_of, without_doubles

SEEDS = range(1, 41)
METERS = ("4/4", "3/4", "2/4", "6/8", "12/8", "5/8", "7/8", "5/4")
# Eight bars of "Frere Jacques" in C, in quarters: our own test tune.
JACQUES = tuple(
    (float(start), 1.0, pitch)
    for start, pitch in enumerate(
        (60, 62, 64, 60) * 2 + (64, 65, 67, 67) * 2 + (60, 67, 60, 60) * 4
    )
)


@pytest.fixture(scope="module")
def pieces() -> list[Piece]:
    return [compose(seed) for seed in SEEDS]


def beats_a_bar(meter: str) -> float:
    numerator, denominator = (int(number) for number in meter.split("/"))
    return 4 * numerator / denominator


def test_the_same_seed_composes_the_same_piece() -> None:
    assert compose(7) == compose(7)


def test_seeds_differ(pieces: list[Piece]) -> None:
    assert len({piece.tune for piece in pieces}) == len(pieces)


def test_every_note_lies_in_the_range_of_its_part(pieces: list[Piece]) -> None:
    for piece in pieces:
        for name, (low, high) in RANGES.items():
            assert all(low <= note.pitch <= high for note in piece.performance.parts[name].notes)
        assert {note.pitch for note in piece.performance.parts["drums"].notes} <= set(
            DRUMS.values()
        )


def test_timbres_are_the_part_s_own(pieces: list[Piece]) -> None:
    for piece in pieces:
        for name, part in piece.performance.parts.items():
            assert part.timbre in TIMBRES[name]


def test_bass_lead_and_vocals_never_overlap_themselves(pieces: list[Piece]) -> None:
    for piece in pieces:
        for name in ("bass", "lead", "vocals"):
            for one, after in pairwise(piece.performance.parts[name].notes):
                assert one.start_beats + one.length_beats <= after.start_beats + 1e-6


def test_the_tune_itself_is_monophonic(pieces: list[Piece]) -> None:
    for piece in pieces:
        for one, after in pairwise(piece.tune):
            assert one.start_beats + one.length_beats <= after.start_beats + 1e-6


def test_chords_never_hold_more_than_five_notes(pieces: list[Piece]) -> None:
    for piece in pieces:
        notes = piece.performance.parts["comp"].notes
        for note in notes:
            sounding = [
                other
                for other in notes
                if other.start_beats <= note.start_beats < other.start_beats + other.length_beats
            ]
            assert len(sounding) <= 5


def test_notes_are_sorted_and_lie_inside_the_piece(pieces: list[Piece]) -> None:
    for piece in pieces:
        for name, part in piece.performance.parts.items():
            starts = [note.start_beats for note in part.notes]
            assert starts == sorted(starts)
            assert all(0 <= start < piece.performance.beats for start in starts)
            if name != "drums":
                assert all(
                    note.start_beats + note.length_beats <= piece.performance.beats + 0.05
                    for note in part.notes
                )


def test_the_lead_part_plays_exactly_the_tune(pieces: list[Piece]) -> None:
    """The same pitches in the same order, each at most 0.03 beats off (the human error)."""
    for piece in pieces:
        part = piece.performance.parts["lead" if piece.lead == "melody" else "vocals"]
        assert [note.pitch for note in part.notes] == [note.pitch for note in piece.tune]
        for played, written in zip(part.notes, piece.tune, strict=True):
            assert abs(played.start_beats - written.start_beats) <= 0.03 + 1e-6


def test_notes_outside_the_key_are_rare(pieces: list[Piece]) -> None:
    """At least nine tenths of what bass, chords and voices play lie in the scale."""
    inside = total = 0.0
    for piece in pieces:
        scale = {(piece.tonic + step) % 12 for step in SCALES[piece.mode]}
        for name in RANGES:
            for note in piece.performance.parts[name].notes:
                total += note.length_beats
                inside += note.length_beats * (note.pitch % 12 in scale)
    assert inside / total > 0.9


def test_rule_made_tunes_rest_on_chord_tones() -> None:
    """No note of a beat or more clashes with the chord it starts on."""
    for seed in range(1, 13):
        piece = compose(seed, tune="rules")
        for note in piece.tune:
            if note.length_beats < 0.99:
                continue
            chord = max(
                (c for c in piece.chords if c.start_beats <= note.start_beats + 1e-3),
                key=lambda c: c.start_beats,
            )
            assert note.pitch % 12 in chord.pitch_classes


def test_per_bar_facts_fit_the_bars(pieces: list[Piece]) -> None:
    for piece in pieces:
        assert len(piece.sections) == len(piece.intensity) == piece.bars
        assert set(piece.sections) <= set(SECTIONS)
        assert all(0 <= value <= 1 for value in piece.intensity)
        assert 8 <= piece.bars <= 32
        assert piece.performance.beats == pytest.approx(piece.bars * beats_a_bar(piece.meter))
        assert piece.performance.beats <= 128


def test_chords_cover_the_piece_without_gap(pieces: list[Piece]) -> None:
    for piece in pieces:
        assert piece.chords[0].start_beats == 0
        for one, after in pairwise(piece.chords):
            assert one.start_beats + one.length_beats == pytest.approx(after.start_beats)
        last = piece.chords[-1]
        assert last.start_beats + last.length_beats == pytest.approx(piece.performance.beats)


def test_drum_hits_stand_on_the_grid(pieces: list[Piece]) -> None:
    """Straight styles: each hit within 0.03 beats of a sixteenth or of a triplet eighth."""
    for piece in pieces:
        if piece.style in (
            "jazz_swing",
            "blues",
            "lofi",
            "hiphop",
            "reggae",
            "funk",
            "house",
        ):
            continue
        for note in piece.performance.parts["drums"].notes:
            errors = [abs(note.start_beats * k - round(note.start_beats * k)) / k for k in (4, 3)]
            assert min(errors) <= 0.03 + 1e-6


def test_a_section_s_first_kick_is_exact(pieces: list[Piece]) -> None:
    """Within 0.01 beats of the section's first downbeat."""
    for piece in pieces:
        bar = beats_a_bar(piece.meter)
        for at in range(piece.bars):
            if at and piece.sections[at] == piece.sections[at - 1]:
                continue
            for note in piece.performance.parts["drums"].notes:
                if note.pitch == DRUMS["kick"] and abs(note.start_beats - at * bar) < 0.05:
                    assert abs(note.start_beats - at * bar) <= 0.01


def test_most_pieces_have_every_part(pieces: list[Piece]) -> None:
    for name, least in (("drums", 0.85), ("bass", 0.9), ("comp", 0.85), ("lead", 0.65)):
        having = [piece for piece in pieces if piece.performance.parts[name].notes]
        assert len(having) / len(pieces) >= least


def test_a_full_ending_comes_home_in_a_last_bar_of_its_own(pieces: list[Piece]) -> None:
    """The last chord is the tonic's, and drums and bass strike once, on the last bar's beat."""
    for piece in pieces:
        if piece.ending != "full":
            continue
        start = (piece.bars - 1) * beats_a_bar(piece.meter)
        assert piece.chords[-1].root == piece.tonic
        for name in ("drums", "bass"):
            struck = [
                n for n in piece.performance.parts[name].notes if n.start_beats > start - 0.04
            ]
            assert all(abs(note.start_beats - start) <= 0.04 for note in struck)


def test_a_loop_written_by_rules_leads_back_to_its_first_bar() -> None:
    loops = [piece for piece in (compose(s, tune="rules") for s in SEEDS) if piece.ending == "loop"]
    assert len(loops) > 5
    assert all(piece.chords[-1].root != piece.tonic for piece in loops)
    assert all(piece.sections[-1] != "outro" for piece in loops)


def test_a_part_is_silent_where_it_is_not_present(pieces: list[Piece]) -> None:
    """A note may be up to 0.03 beats early (the human error) and ring over the bar line."""
    for piece in pieces:
        beats = beats_a_bar(piece.meter)
        for name, part in piece.performance.parts.items():
            assert len(piece.presence[name]) == piece.bars
            for note in part.notes:
                assert piece.presence[name][int((note.start_beats + 0.04) / beats)]


def test_parts_enter_and_drop_out_in_the_course_of_many_pieces(pieces: list[Piece]) -> None:
    moving = [len(set(piece.presence["drums"])) == 2 for piece in pieces]
    assert sum(moving) / len(moving) > 0.25


def test_moods_lie_far_apart_in_loudness_length_and_register() -> None:
    """Of many pieces of one mood each: calm is soft, happy short, dark low, bright high."""
    found: dict[str, list[tuple[float, float, float]]] = {}
    for piece in (compose(seed, tune="rules") for seed in range(1, 160)):
        bass = piece.performance.parts["bass"].notes
        if len(piece.moods) == 1 and bass and piece.tune:
            lead = piece.performance.parts["lead" if piece.lead == "melody" else "vocals"].notes
            found.setdefault(piece.moods[0], []).append(
                (
                    sum(note.velocity for note in bass) / len(bass),
                    sum(note.length_beats for note in bass) / len(bass),
                    sum(note.pitch for note in lead) / len(lead),
                )
            )
    mean = {
        mood: [sum(x) / len(x) for x in zip(*rows, strict=True)] for mood, rows in found.items()
    }
    assert mean["calm"][0] < 0.6 * mean["aggressive"][0]
    assert mean["happy"][1] < 0.5 * mean["calm"][1]
    assert mean["dark"][2] < mean["bright"][2] - 8


def test_bars_of_written_tunes_repeat_earlier_ones() -> None:
    """F1 of (sixteenth, pitch) with the best earlier bar; people's tunes are at .47."""
    scores = []
    for seed in range(1, 60):
        piece = compose(seed, tune="rules")
        beats = beats_a_bar(piece.meter)
        bars: list[set[tuple[int, int]]] = [set() for _ in range(piece.bars)]
        for note in piece.tune:
            at = int((note.start_beats + 0.06) / beats)
            bars[at].add((round(4 * (note.start_beats - at * beats)), note.pitch))
        for at in range(1, piece.bars):
            if bars[at]:
                found = [2 * len(bars[at] & b) / (len(bars[at]) + len(b)) for b in bars[:at]]
                scores.append(max(found))
    assert 0.42 < sum(scores) / len(scores) < 0.7


@pytest.mark.parametrize("meter", METERS)
def test_every_style_composes_in_every_meter(meter: str) -> None:
    for at, style in enumerate(STYLES):
        piece = compose(at + 1, style=style, meter=meter)
        assert (piece.style, piece.meter) == (style, meter)
        assert piece.performance.beats == pytest.approx(piece.bars * beats_a_bar(meter))


def test_an_unknown_style_is_named() -> None:
    with pytest.raises(ValueError, match="polka"):
        compose(1, style="polka")


def test_a_tune_that_does_not_fit_the_meter_is_refused() -> None:
    tune = Tune("test:1", "4/4", 0, "major", 8, JACQUES)
    with pytest.raises(ValueError, match="7/8"):
        compose(1, tune=tune, meter="7/8")


def test_a_given_tune_is_played_with_its_own_intervals() -> None:
    tune = Tune("test:1", "4/4", 0, "major", 8, JACQUES)
    piece = compose(3, style="rock", tune=tune)
    body = [
        note.pitch
        for note in piece.tune
        if piece.sections[int(note.start_beats // 4)] in ("verse", "chorus")
    ]
    assert [p - body[0] for p in body] == [p - 60 for _, _, p in JACQUES]
    assert (body[0] - piece.tonic) % 12 == 0


def test_training_pieces_never_hold_a_held_out_tune(pieces: list[Piece]) -> None:
    assert not any(held_out(piece.tune_source) for piece in pieces)
    assert not held_out(compose(10).tune_source)


def test_held_out_pieces_hold_nothing_else() -> None:
    assert all(held_out(compose(seed, held_out_tunes=True).tune_source) for seed in range(12))


def test_a_tenth_of_the_collected_tunes_is_held_out() -> None:
    held = [held_out(f"oneill:{number}") for number in range(2000)]
    assert 0.07 < sum(held) / len(held) < 0.13


def test_seven_eight_keeps_the_backbeat_of_its_groups() -> None:
    """2+2+3: cells 0, 1 and 2 with the start of cell 3: kick on 0 and 2, snare on 1 and 3."""
    bar = bar_of("7/8", 0)
    assert [pulse.length_beats for pulse in bar.pulses] == [1.0, 1.0, 1.5]
    kicks = lay("X.......X.......", bar, 0)
    snares = lay("....X.......X...", bar, 0)
    assert [event.offset_beats for event in kicks] == [0.0, 2.0]
    assert [event.offset_beats for event in snares] == [1.0, 3.0]


def test_six_eight_spreads_a_pattern_over_two_bars() -> None:
    """A held chord is struck again in the second bar: its two cells only hold on."""
    bar = bar_of("6/8", 0)
    assert lay("X---------------", bar, 0) == [Event(0.0, 3.0, "X")]
    assert lay("X---------------", bar, 1) == [Event(0.0, 3.0, "X")]
    assert [e.offset_beats for e in lay("x.x.x.x.x.x.x.x.", bar, 0, steady=True)] == [
        0.0, 0.5, 1.0, 1.5, 2.0, 2.5,
    ]  # fmt: skip


def test_a_mode_is_told_by_its_third_sixth_and_seventh() -> None:
    def scale(*steps: int) -> list[tuple[float, float, int]]:
        return [(float(at), 1.0, 62 + step) for at, step in enumerate(steps)]

    assert mode_of(scale(0, 2, 4, 5, 7, 9, 11, 12), 2) == "major"
    assert mode_of(scale(0, 2, 3, 5, 7, 8, 10, 12), 2) == "minor"
    assert mode_of(scale(0, 2, 3, 5, 7, 9, 10, 12), 2) == "dorian"
    assert mode_of(scale(0, 2, 4, 5, 7, 9, 10, 12), 2) == "mixolydian"
    assert mode_of(scale(0, 1, 2, 3, 4, 5, 6, 7), 2) is None


def test_a_tune_that_ends_away_from_its_tonic_is_left_out() -> None:
    strain = Strain(JACQUES, 8)
    assert make_row("test:1", "4/4", 0, 4.0, [strain]) is not None
    assert make_row("test:1", "4/4", 7, 4.0, [strain]) is None


def test_the_same_melody_in_another_key_is_kept_once() -> None:
    row = make_row("test:1", "4/4", 0, 4.0, [Strain(JACQUES, 8)])
    higher = tuple((start, length, pitch + 5) for start, length, pitch in JACQUES)
    double = make_row("test:2", "4/4", 5, 4.0, [Strain(higher, 8)])
    assert row is not None and double is not None
    assert without_doubles([row, double]) == [row]


@pytest.mark.parametrize("span", [24, 40])
def test_a_wide_tune_is_brought_into_the_singer_s_range(span: int) -> None:
    """52..79 holds 27 semitones: a span of 24 fits in some key, one of 40 folds by octaves."""
    notes = tuple((float(at), 1.0, 50 + (span if at % 2 else 0)) for at in range(32))
    tune = Tune("test:3", "4/4", 2, "major", 8, notes)
    for seed in range(1, 8):
        piece = compose(seed, tune=tune)
        low, high = RANGES["vocals" if piece.lead == "vocals" else "lead"]
        assert all(low <= note.pitch <= high for note in piece.tune)
