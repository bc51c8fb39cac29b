"""compose(): one seed, one piece, from the top down."""

from __future__ import annotations

from random import Random

from diffusion.embedded.bar import bar_of
from diffusion.embedded.moods import blend
from training.compose.band import perform_chart
from training.compose.chart import Chart
from training.compose.choices import (
    choose_bpm,
    choose_folk,
    choose_meter,
    choose_mode,
    choose_moods,
    write_chords,
)
from training.compose.folk import Tune
from training.compose.form import (
    choose_ending,
    choose_form,
    form_around,
    intensities,
    most_bars,
    spans_of,
)
from training.compose.melodies import write_tune
from training.compose.motifs import choose_character
from training.compose.perform import articulate, swing
from training.compose.piece import Piece
from training.compose.setting import end_tune, fitting_tonic, set_tune
from training.compose.styles import STYLE_BOOK, STYLES

TUNE_RANGE = {"melody": (55, 86), "vocals": (52, 79)}


def compose(
    seed: int,
    *,
    style: str | None = None,
    meter: str | None = None,
    tune: Tune | str | None = None,
    held_out_tunes: bool = False,
    long: bool = False,
) -> Piece:
    """A piece from a seed: the same seed and arguments always give the same piece.

    `tune` is a Tune to arrange, "rules" for one written by rules or "folk" for a collected one
    (where there is a tunes file that has one in the meter); None tosses a coin. With
    `held_out_tunes` every tune is a held-out one, without it none is. `long` pieces, of up to 96
    bars, have a tune written by rules. Raises ValueError for an
    unknown style or a tune that does not fit the meter.
    """
    rng = Random(f"piece {seed} {held_out_tunes}")
    style_name = style or rng.choice(STYLES)
    if style_name not in STYLE_BOOK:
        raise ValueError(f"style: {style_name!r} is not one of {', '.join(STYLES)}")
    book = STYLE_BOOK[style_name]
    if meter is None:
        meter = tune.meter if isinstance(tune, Tune) else choose_meter(rng, style_name)
    bar = bar_of(meter, rng.randrange(12))
    moods = choose_moods(rng)
    mood = blend(rng, moods)
    lead = rng.choice(("melody", "vocals"))
    mode = choose_mode(rng, book, mood)
    bpm = choose_bpm(rng, book, bar, mood)
    folk = choose_folk(rng, "rules" if long else tune, meter, mode, bpm, held_out_tunes)
    tonic = rng.randrange(12)
    low, high = TUNE_RANGE[lead]
    if folk:
        mode = folk.mode
        tonic = fitting_tonic(rng, folk, tonic, low, high)
        form = form_around(rng, min(folk.bars, most_bars(bar.beats)), bar.beats)
        ending = choose_ending(rng, form, closed=True)
        chords, notes = set_tune(rng, folk, form, bar, tonic, book, mood, low, high)
        source = folk.source
    else:
        form = choose_form(rng, bar.beats, long=long)
        ending = choose_ending(rng, form, closed=False)
        chords = write_chords(rng, form, bar, tonic, mode, book, mood, ending)
        tune_seed = seed * 10 if held_out_tunes else seed if seed % 10 else seed * 10 + 1
        source = f"rules:{tune_seed}"
        density = min(1.0, max(0.0, book.tunefulness + mood.density + rng.uniform(-0.15, 0.15)))
        shift = mood.register_semitones
        notes = write_tune(
            Random(f"tune {tune_seed}"),
            spans_of(form),
            bar,
            bpm,
            tuple(chords),
            tonic,
            mode,
            max(low, low + 2 + shift),
            min(high, high - 3 + shift),
            choose_character(rng, density, mood),
        )
    bars = sum(count for _, count in form)
    if ending == "full":
        notes = end_tune(notes, bars, bar, tonic, low, high)
    if folk is None or rng.random() < 0.8:
        notes = swing(notes, bar, book.swing, book.swing_unit_beats)
    notes = articulate(
        sorted(notes, key=lambda note: note.start_beats), 1.0, False, bars * bar.beats
    )
    chart = Chart(
        style_name,
        book,
        mood,
        bpm,
        bar,
        tonic,
        mode,
        tuple(form),
        tuple(intensities(rng, form, mood)),
        tuple(chords),
        tuple(notes),
        lead,
        ending,
    )
    performance, presence = perform_chart(rng, chart)
    return Piece(
        style=style_name,
        moods=moods,
        bpm=bpm,
        meter=meter,
        bars=chart.bars,
        tonic=tonic,
        mode=mode,
        lead=lead,
        tune=chart.tune,
        tune_source=source,
        chords=chart.chords,
        sections=chart.sections,
        intensity=chart.intensity,
        ending=ending,
        presence=presence,
        performance=performance,
    )
