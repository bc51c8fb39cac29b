"""`backline generate`: stems made in this process, without a daemon."""

from __future__ import annotations

import json

import typer

from daemon.commands import request_options as option
from daemon.commands.options import AsJson, Out, check_engine
from daemon.commands.request_options import RequestOptions
from daemon.screen import say


def generate(
    context: typer.Context,
    out: Out,
    bpm: option.Bpm = "",
    key: option.KeyName = "",
    bars: option.Bars = "8",
    meter: option.MeterName = "4/4",
    melody: option.MelodyFile = "",
    lead: option.Lead = "melody",
    tags: option.Tags = "",
    lyrics: option.Lyrics = "",
    seed: option.Seed = "",
    takes: option.Takes = "1",
    best: option.Best = "0",
    gate: option.Gate = "",
    retries: option.Retries = "2",
    conform: option.Conform = "auto",
    transpose: option.Transpose = False,
    loudness: option.Loudness = "",
    engine: option.EngineName = "embedded",
    stems: option.Stems = "drums,bass,melody,vocals",
    sample_rate: option.SampleRate = "48000",
    source: option.From = "",
    bar_range: option.Range = "",
    midi: option.Midi = "",
    melody_mode: option.MelodyMode = "cover",
    melody_strength: option.MelodyStrength = "0.5",
    sound: option.Sound = "",
    edit: option.EditName = "auto",
    parts: option.Parts = "",
    reference: option.Reference = "",
    lora: option.Loras = None,
    language: option.Language = "",
    sound_format: option.SoundFormat = "wav32f",
    as_json: AsJson = False,
) -> None:
    """Make stems in this process, without a daemon."""
    from daemon.results import check_folder, summary
    from daemon.screen import interruptible, progress_bar

    request = RequestOptions.of(context).request()
    request.read_melody()
    check_engine(request.engine)
    check_folder(out)
    with interruptible() as cancelled, progress_bar() as show:
        show("load", 0.0)
        from daemon.pipeline import generate as run
        from diffusion.engine import open_engine

        loaded = open_engine(request.engine)
        try:
            manifest = run(request, loaded, out, show, cancelled)
        finally:
            loaded.close()
        show("done", 1.0)
    if as_json:
        say(json.dumps(manifest.as_dict(), indent=2, ensure_ascii=False))
        return
    for line in summary(manifest, out):
        say(line)
