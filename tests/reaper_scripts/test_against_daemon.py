"""The shipped scripts in the double against the real daemon, over both carriers."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rpp

from audio.clip import Clip, read_clip, write_wav
from midi.grid import Grid, MeterChange, TempoPoint
from midi.meter import Meter
from stems.manifest import read_manifest

ROOT = Path(__file__).parents[2]
RATE = 48_000
DEADLINE_SECONDS = 900.0  # nothing waits that long unless something is broken
CHOSEN = '{"key":"A minor","style":"dub techno","bars":2}'
GENERATE = """
w:run("backline_generate.lua", function()
  w:wait(function() return w:shows("^Bars") end)
  w:press("enter")
  w:wait(function() return w:shows("^Inserted") or w.window.kind == "wrong" end)
  w:press("escape")
end, 40000)
"""


@pytest.fixture(scope="module")
def home(serve: Callable[..., object], tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    serve(home, "tone_engine:ToneEngine")
    return home


def lua_project(**fields: str) -> str:
    lines = [f"project.{name} = {value}" for name, value in fields.items()]
    stored = f"project.ext.backline = {{ settings = [[{CHOSEN}]] }}"
    return "\n".join(["local project = w:project()", *lines, stored])


def items(told: dict[str, Any]) -> list[dict[str, Any]]:
    (project,) = told["projects"]
    return [item for track in project["tracks"] for item in track["items"]]


def sounds(item: dict[str, Any]) -> list[dict[str, Any]]:
    """Its takes without those of notes."""
    return [take for take in item["takes"] if not take["file"].endswith(".mid")]


def assert_four_stems_at(told: dict[str, Any], position: Fraction, grid: Grid) -> None:
    """Each item begins at the frame of `position` and lasts the frames of the grid, exactly."""
    found = items(told)
    assert len(found) == 4
    for item in found:
        # The double computes in floats as REAPER does; half a nanosecond is 1/40000 of a frame.
        assert item["value"]["D_POSITION"] == pytest.approx(float(position), abs=5e-10)
        assert round(item["value"]["D_POSITION"] * RATE) == round(position * RATE)
        assert item["value"]["D_LENGTH"] == grid.frames(RATE) / RATE
        take, notes = item["takes"]
        folder = Path(json.loads(item["ext"]["backline"])["folder"])
        manifest = read_manifest(folder, check_hashes=True)
        assert manifest.grid.frames == grid.frames(RATE)
        stem = json.loads(item["ext"]["backline"])["stem"]
        assert Path(take["file"]).read_bytes() == (folder / f"{stem}.wav").read_bytes()
        assert Path(notes["file"]).read_bytes() == (folder / f"{stem}.mid").read_bytes()
        assert item["value"]["I_CURTAKE"] == 0
        assert Path(take["file"]).name.startswith(f"backline_{int(manifest.job):04d}_{stem}_")
    assert len(told["projects"][0]["undo"]) == 1
    assert told["boxes"] == [] and told["console"] == []


@pytest.mark.parametrize("carrier", ["spool", "udp"])
@pytest.mark.parametrize("bar", [1, 57])
def test_four_stems_land_on_the_bar_at_a_constant_tempo(
    reaper: Any, home: Path, carrier: str, bar: int
) -> None:
    # 92.5 bpm: a bar of 4/4 lasts 4 * 60 / 92.5 s.
    position = Fraction(bar - 1) * 4 * 60 / Fraction("92.5")
    setup = lua_project(bpm="92.5", cursor=repr(float(position)))
    told = reaper.play(setup + GENERATE, DOUBLE_HOME=str(home), DOUBLE_CARRIER=carrier)
    assert_four_stems_at(told, position, Grid.constant("92.5", "4/4", 2))


@pytest.mark.parametrize("carrier", ["spool", "udp"])
@pytest.mark.parametrize("lead_in_bars", [0, 56])
def test_four_stems_land_on_the_bar_in_a_tempo_map_with_a_ramp(
    reaper: Any, home: Path, carrier: str, lead_in_bars: int
) -> None:
    # After the lead-in of 4/4 at 128: two bars of 4/4 that speed up to 90 by a ramp, two bars of
    # 3/4 at 90, two of 6/8 at 150. In quarters: 8, 6 and 6.
    start = Fraction(lead_in_bars) * 4 * 60 / 128
    ramp_seconds = Fraction(8) * 120 / (128 + 90)
    waltz = start + ramp_seconds
    jig = waltz + Fraction(6) * 60 / 90
    end = jig + Fraction(6) * 60 / 150
    points = [(start, 128, "num=4, den=4, ramp=true"), (waltz, 90, "num=3, den=4"),
              (jig, 150, "num=6, den=8")]  # fmt: skip
    tempo = ", ".join(
        f"{{ seconds={float(seconds)!r}, bpm={bpm}.0, {rest} }}" for seconds, bpm, rest in points
    )
    setup = lua_project(
        bpm="128.0", tempo=f"{{ {tempo} }}", selection=f"{{ {float(start)!r}, {float(end)!r} }}"
    )
    told = reaper.play(setup + GENERATE, DOUBLE_HOME=str(home), DOUBLE_CARRIER=carrier)
    grid = Grid(
        6,
        (
            TempoPoint(Fraction(0), Fraction(128), True),
            TempoPoint(Fraction(8), Fraction(90)),
            TempoPoint(Fraction(14), Fraction(150)),
        ),
        (
            MeterChange(0, Meter.parse("4/4")),
            MeterChange(2, Meter.parse("3/4")),
            MeterChange(4, Meter.parse("6/8")),
        ),
    )
    assert_four_stems_at(told, start, grid)
    manifest = read_manifest(Path(json.loads(items(told)[0]["ext"]["backline"])["folder"]))
    # Each bar line of the result lies on the frame of REAPER's own bar line.
    bars = [start, None, waltz, waltz + 2, jig, jig + Fraction(6, 5)]  # 3/4 at 90: 2 s a bar
    for found, wanted in zip(manifest.grid.bar_frames, bars, strict=False):
        if wanted is not None:
            assert found == round((wanted - start) * RATE)


@pytest.mark.parametrize(("carrier", "form"), [("spool", "flac"), ("udp", "wav32f")])
def test_a_selected_sound_is_split_into_stems_that_sum_to_it(
    reaper: Any, home: Path, tmp_path: Path, carrier: str, form: str
) -> None:
    sound = tmp_path / "a loop.wav"
    noise = np.random.default_rng(3).uniform(-1, 1, (2, 44_100)).astype(np.float32)
    write_wav(sound, Clip(noise, 44_100))
    split = f"""
    local values = {{ D_POSITION = 3.3, D_LENGTH = 0.5, B_LOOPSRC = 0.0 }}
    w:add_sound_item(w:project(), [[{sound}]], values, {{ D_STARTOFFS = 0.25001 }})
    w.ext.backline.format = "{form}"
    w:run("backline_split_selected_item.lua", nil, 40000)
    """
    told = reaper.play(split, DOUBLE_HOME=str(home), DOUBLE_CARRIER=carrier)
    assert told["boxes"] == [] and told["console"] == []
    muted, *stems = items(told)
    assert muted["value"]["B_MUTE"] == 1 and len(stems) == 4
    assert all(stem["value"]["D_POSITION"] == 3.3 for stem in stems)
    # 0.25001 s is frame 11025.441, 0.5 s later is 33075.441: what is delivered begins at 11025.
    assert {stem["takes"][0]["value"]["D_STARTOFFS"] for stem in stems} == {0.25001 - 0.25}
    clips = [read_clip(Path(stem["takes"][0]["file"])).samples for stem in stems]
    assert clips[0].shape == (2, 33_076 - 11_025)
    suffix = ".flac" if form == "flac" else ".wav"
    assert {Path(stem["takes"][0]["file"]).suffix for stem in stems} == {suffix}
    # Four float32 numbers round to the sum within 2^-20 of full scale, 24 bits to 2^-24.
    assert np.abs(sum(clips) - noise[:, 11_025:33_076]).max() < 2.0**-20


def test_bars_of_a_delivered_project_are_made_anew(reaper: Any, home: Path) -> None:
    told = reaper.play(lua_project(bpm="120.0") + GENERATE, DOUBLE_HOME=str(home))
    folder = Path(json.loads(items(told)[0]["ext"]["backline"])["folder"])
    tracks = rpp.loads((folder / "project.rpp").read_text("utf-8")).findall("TRACK")
    (bass,) = [track.find("ITEM") for track in tracks if track.find("NAME")[1] == "bass"]
    origin, of_take = (bass.find(tag).find("backline")[1] for tag in ("EXTI", "EXT"))
    again = f"""
    local project = w:project()
    project.bpm, project.selection = 120.0, {{ 2.0, 4.0 }}
    local values = {{ D_POSITION = 0.0, D_LENGTH = 4.0, B_LOOPSRC = 0.0 }}
    local item, take = w:add_sound_item(project, [[{folder / "bass.wav"}]], values)
    item.ext.backline, take.ext.backline = [==[{origin}]==], [==[{of_take}]==]
    w:run("backline_regenerate_time_selection.lua", nil, 40000)
    """
    told = reaper.play(again, DOUBLE_HOME=str(home))
    assert told["boxes"] == []
    (item,) = items(told)
    _, second = sounds(item)
    made = json.loads(second["ext"]["backline"])
    request = read_manifest(Path(made["folder"])).request
    assert (request["source"], request["bar_range"], request["stems"]) == (
        str(folder), "2-2", ["bass"],
    )  # fmt: skip


def test_a_variation_of_all_stems_adds_a_take_with_the_next_seed(reaper: Any, home: Path) -> None:
    vary = """
    for _, track in ipairs(project.tracks) do
      for _, item in ipairs(track.items) do item.selected = true end
    end
    w:run("backline_vary_selected_items.lua", nil, 40000)
    """
    told = reaper.play(lua_project(bpm="120.0") + GENERATE + vary, DOUBLE_HOME=str(home))
    for item in items(told):
        first, second = (json.loads(take["ext"]["backline"]) for take in sounds(item))
        assert second["seed"] == first["seed"] + 1
        shown = item["takes"][int(item["value"]["I_CURTAKE"])]
        assert shown == sounds(item)[1]
        notes = item["text"]["P_NOTES"]
        assert f"seed {second['seed']}" in notes and "length: 192000 frames at 48000 Hz" in notes
    assert [len(project["undo"]) for project in told["projects"]] == [2]


def test_a_job_cancelled_in_the_daemon_inserts_nothing(reaper: Any, home: Path) -> None:
    held = CHOSEN.replace("dub techno", "hold")  # the tone engine plays until it is cancelled
    told = reaper.play(
        f"""
        w:project().ext.backline = {{ settings = [[{held}]] }}
        w:run("backline_generate.lua", function()
          w:wait(function() return w:shows("^Bars") end)
          w:press("enter")
          w:wait(function() return w:shows("^Composing %d+ %%") end)
          w:click("Cancel")
          w:wait(function() return w:shows("^Cancelled") end)
          w:press("escape")
        end, 40000)
        """,
        DOUBLE_HOME=str(home),
    )
    assert told["projects"][0]["tracks"] == [] and told["projects"][0]["undo"] == []


def test_a_refusal_of_the_daemon_is_shown_with_its_argument(reaper: Any, home: Path) -> None:
    wrong = CHOSEN.replace("A minor", "H flat")
    reaper.play(
        f"""
        w:project().ext.backline = {{ settings = [[{wrong}]] }}
        w:run("backline_generate.lua", function()
          w:wait(function() return w:shows("^Bars") end)
          w:press("enter")
          w:wait(function() return w:shows("key must be") end)
          assert(w:shows("%(key%)"), w:seen())
          w:press("escape")
        end, 40000)
        """,
        DOUBLE_HOME=str(home),
    )


@pytest.mark.slow
def test_the_embedded_engine_plays_and_then_changes_one_bar_of_one_stem(
    reaper: Any, serve: Callable[..., object], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    serve(home, "seeded_engine:SeededEngine")  # of other seeds the bass may rest in this bar
    melody = """
    w:add_midi_item(project, 0.0, 4.0, { { pitch = 69, start = 0, stop = 2 }, { pitch = 72, start = 2, stop = 4 },
      { pitch = 71, start = 4, stop = 6 }, { pitch = 69, start = 6, stop = 8 } })
    """  # noqa: E501 - Lua text
    change = """
    project.tracks[1].items[1].selected = false
    project.tracks[4].items[1].selected = false
    for _, track in ipairs(project.tracks) do
      if track.text.P_NAME == "bass" then track.items[1].selected = true end
    end
    project.selection = { 2.0, 4.0 } -- bar 2
    w:run("backline_regenerate_time_selection.lua", nil, 60000)
    """
    told = reaper.play(lua_project(bpm="120.0") + melody + GENERATE + change, DOUBLE_HOME=str(home))
    assert told["boxes"] == []
    by_name = {track["name"]: track for track in told["projects"][0]["tracks"]}
    (bass,) = by_name["bass"]["items"]
    assert [len(sounds(by_name[name]["items"][0])) for name in ("drums", "bass", "melody")] == [
        1, 2, 1,
    ]  # fmt: skip
    before, after = (read_clip(Path(take["file"])) for take in sounds(bass))
    assert before.frames == after.frames == 4 * RATE
    crossfade = RATE // 100  # 10 ms before each end of what was made anew
    kept = 2 * RATE - crossfade
    difference = np.abs(before.samples - after.samples)
    assert difference[:, :kept].max() < 1e-6  # -120 dBFS: the mix, and its gain, are others
    assert difference[:, 2 * RATE :].max() > 1e-3


LAUNCHED = """
import sys, tempfile
from pathlib import Path
import tone_engine
from daemon.config import Config
from daemon.server import Daemon

assert sys.argv[1:3] == ["serve", "--home"], 'what the launcher adds'
daemon = Daemon(Config(
    home=Path(sys.argv[3]), osc_port=0, engines=tone_engine.TONES, warm_engine="",
    allow_root=(Path(tempfile.gettempdir()),),
))
daemon.start()
with daemon.stopped_by_signals():
    daemon.serve()
    daemon.stop()
"""


@pytest.mark.skipif(os.name != "posix", reason="the double runs the POSIX launcher")
def test_the_scripts_start_a_daemon_generate_and_stop_it(reaper: Any, tmp_path: Path) -> None:
    home = tmp_path / "a 'home' of its own"
    home.mkdir()
    launcher = {"python": sys.executable, "args": ["-c", LAUNCHED], "home": str(home)}
    (reaper.scripts / "backline_launcher.json").write_text(json.dumps(launcher), encoding="utf-8")
    sign_of_life = home / "spool" / "daemon.json"
    try:
        told = reaper.play(
            lua_project(bpm="120.0")
            + """
            w.on_execute = function(command) os.execute(command) end
            w:run("backline_start_stop_daemon.lua", nil, 40000)
            """
            + GENERATE
            + """
            w:run("backline_start_stop_daemon.lua", nil, 40000)
            """,
            DOUBLE_HOME=str(home),
            PYTHONPATH=os.pathsep.join([str(ROOT), str(ROOT / "tests" / "daemon")]),
        )
    finally:
        with contextlib.suppress(OSError):  # stopped; else stopping, or left by a failure above
            os.kill(json.loads(sign_of_life.read_bytes())["pid"], signal.SIGTERM)
    assert told["boxes"] == [
        "The backline daemon runs.",
        "The backline daemon runs. Stop it? A job that runs goes on when it is started again.",
        "The backline daemon has stopped.",
    ]
    assert len(items(told)) == 4
    # On a busy machine its last sign of life is stale before its shutdown has come to this.
    end, never = time.monotonic() + DEADLINE_SECONDS, threading.Event()
    while sign_of_life.exists():
        assert time.monotonic() < end, "the daemon did not stop"
        never.wait(0.01)
