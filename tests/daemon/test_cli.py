"""The command as users have it: exit status, one sentence for each mistake, nothing left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from daemon import cli
from daemon.demo import melody as demo_melody
from midi.curve import Curve
from midi.grid import Grid
from midi.note import Note
from midi.smf import write_smf

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 300.0  # nothing waits that long unless something is broken

Run = Callable[..., int]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs `backline ...` in this process with the tone engine and gives its exit status."""
    import tone_engine

    import diffusion.engines

    monkeypatch.setattr(diffusion.engines, "ENGINES", tone_engine.TONES)
    monkeypatch.setenv("BACKLINE_HOME", str(tmp_path / "home"))

    def backline(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["backline", *words])
        try:
            cli.main()
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    return backline


GOOD = {"--bpm": "240", "--key": "A minor", "--bars": "1"}


def words(changed: dict[str, str], out: Path) -> list[str]:
    options = GOOD | changed | {"-o": str(out)}
    return ["generate", *(word for pair in options.items() for word in pair)]


def test_generate_writes_the_folder_and_says_what_was_measured(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words({"--bars": "4", "--seed": "5"}, tmp_path / "out")) == 0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names >= {"drums.wav", "mix.wav", "project.rpp", "overview.png", "manifest.json"}
    files, length, heard = capsys.readouterr().out.splitlines()
    assert "manifest.json" in files
    # 4 bars of 4 quarters at 240 bpm last 4 s: 192000 frames at 48 kHz.
    assert "192000 frames at 48000 Hz, exactly the grid's 192000" in length
    bpm = float(heard.split()[1])  # "tempo 239.99 bpm, as asked; key ..."
    assert bpm == pytest.approx(240.0, rel=0.005)  # what its own tests promise of the measure
    assert "bpm, as asked" in heard and "A minor" in heard


def test_chords_are_text_a_text_file_or_midi_and_give_the_length(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, midi, out = tmp_path / "song.txt", tmp_path / "song.mid", tmp_path / "out"
    text.write_text("Am | F\n", "utf-8")
    grid = Grid.constant(120, "4/4", 3)
    write_smf(midi, [Note(b, 4, p) for b in (0, 4, 8) for p in (57, 60, 64)], grid)  # type: ignore[arg-type]
    for given, bars, kept in (
        ("C | F | G | C", 4, {"chords": "C | F | G | C"}),
        (f"@{text}", 2, {"chords": "Am | F\n"}),
        (str(midi), 3, {"chords_path": str(midi)}),
    ):
        asked = ("--bpm", "240", "--key", "A minor", "--chords", given)
        assert run("generate", *asked, "-o", str(out), "--json") == 0
        printed = json.loads(capsys.readouterr().out)
        assert printed["request"]["bars"] == bars
        assert {n: v for n, v in printed["request"].items() if n.startswith("chords")} == kept
        match = printed["takes"][0]["report"]["chords"]
        assert match["measured_on"] == "notes" and 0 <= match["agreement"] <= 1
    assert run("generate", *asked[:-1], "C | Zb", "-o", str(out)) == 2
    assert capsys.readouterr().err == (
        "error: --chords: bar 2: 'Zb' is no chord symbol; such as Cmaj7, F#m7b5, Bb/D, G7sus4 or "
        "N.C.\n"
    )


def test_json_is_all_there_is_on_stdout(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words({"--seed": "5", "--stems": "bass,drums"}, tmp_path / "out"), "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))
    assert printed["request"]["seed"] == 5
    assert printed["stems"] == ["drums", "bass"]


ODD = [
    ("61.7", "7/8", 3), ("174", "4/4", 5), ("92.5", "6/8", 4), ("20", "2/4", 1), ("400", "12/8", 6),
    ("133.33", "5/4", 3), ("97.3", "3/4", 7), ("111.11", "5/8", 4), ("76.54", "9/16", 5),
    ("87.001", "1/32", 16),
]  # fmt: skip


def closed_form(bpm: str, meter: str, bars: int, sample_rate: int) -> int:
    """Bars x quarters a bar x 60 / bpm x rate, rounded once, in whole numbers throughout."""
    top, bottom = map(int, meter.split("/"))
    scale = 10 ** len(bpm.partition(".")[2])  # bpm is an integer over scale
    over = bars * top * 4 * 60 * scale * sample_rate
    under = bottom * int(bpm.replace(".", ""))
    return (2 * over + under) // (2 * under)


def test_the_closed_form_is_what_a_person_counts() -> None:
    # 3 bars x 3.5 quarters x 60 / 61.7 x 44100 = 450291.73...: 450292 frames.
    assert closed_form("61.7", "7/8", 3, 44_100) == 450_292


@pytest.mark.parametrize(("bpm", "meter", "bars"), ODD)
@pytest.mark.parametrize("sample_rate", [44_100, 48_000])
def test_grids_have_the_closed_form_length_whatever_tempo_and_meter(
    bpm: str, meter: str, bars: int, sample_rate: int
) -> None:
    frames = Grid.constant(float(bpm), meter, bars).frames(sample_rate)
    assert frames == closed_form(bpm, meter, bars, sample_rate)


@pytest.mark.parametrize(("bpm", "meter", "bars"), ODD)
def test_generated_files_have_the_closed_form_length(
    run: Run, tmp_path: Path, bpm: str, meter: str, bars: int
) -> None:
    changed = {"--bpm": bpm, "--meter": meter, "--bars": str(bars), "--stems": "drums,vocals"}
    assert run(*words(changed | {"--sample-rate": "44100"}, tmp_path / "out")) == 0
    lengths = {soundfile.info(path).frames for path in (tmp_path / "out").glob("*.wav")}
    assert lengths == {closed_form(bpm, meter, bars, 44_100)}


BAD = [
    ("--bpm", "0", "bpm"), ("--bpm", "-3", "bpm"), ("--bpm", "nan", "bpm"), ("--bpm", "inf", "bpm"),
    ("--bpm", "1e9", "bpm"), ("--bpm", "fast", "bpm"), ("--key", "H moll", "key"),
    ("--bars", "0", "bars"), ("--bars", "4000", "bars"), ("--bars", "2.5", "bars"),
    ("--meter", "7/9", "denominator"), ("--meter", "waltz", "meter"), ("--engine", "x", "engine"),
    ("--engine", "ace-step", "engine"), ("--stems", "drums,violin", "stems"),
    ("--lead", "drums", "lead"), ("--takes", "9", "takes"), ("--seed", "x", "seed"),
    ("--sample-rate", "22050", "sample-rate"), ("--lyrics", "@/no/such/file", "lyrics"),
    ("--melody", "/no/such/file.mid", "melody"),
]  # fmt: skip


@pytest.mark.parametrize(("option", "value", "named"), BAD)
def test_bad_input_is_one_sentence_that_names_it_and_leaves_nothing(
    run: Run,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    option: str,
    value: str,
    named: str,
) -> None:
    assert run(*words({option: value}, tmp_path / "out")) == 2
    told = capsys.readouterr()
    assert told.out == ""
    (sentence,) = told.err.splitlines()
    assert sentence.startswith("error: ") and named in sentence
    assert option in sentence or option in ("--meter", "--engine")
    assert not (tmp_path / "out").exists()


def test_a_melody_that_is_no_midi_is_refused(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, content in {"empty": b"", "text": b"do re mi", "huge": bytes(2 << 20)}.items():
        path = tmp_path / f"{name}.mid"
        path.write_bytes(content)
        assert run(*words({"--melody": str(path)}, tmp_path / "out")) == 2
        (sentence,) = capsys.readouterr().err.splitlines()
        assert "melody" in sentence
    assert not (tmp_path / "out").exists()


def test_an_output_folder_that_cannot_be_is_bad_usage(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert run(*words({}, tmp_path / "file" / "out")) == 2
    (sentence,) = capsys.readouterr().err.splitlines()
    assert "output folder" in sentence and "cannot be written" in sentence
    assert (tmp_path / "file").read_text() == "in the way"


def test_an_engine_that_fails_is_status_1_and_leaves_nothing(run: Run, tmp_path: Path) -> None:
    assert run(*words({"--tags": "refuse"}, tmp_path / "out")) == 1
    assert not (tmp_path / "out").exists()


def test_an_unforeseen_fault_is_a_sentence_and_a_log(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words({"--tags": "broken"}, tmp_path / "out")) == 1
    (sentence,) = [line for line in capsys.readouterr().err.splitlines() if "error:" in line]
    (log,) = (tmp_path / "home" / "log").glob("error-*.log")
    assert "RuntimeError" in sentence and str(log) in sentence
    assert "nobody foresaw" in log.read_text("utf-8")
    assert not (tmp_path / "out").exists()


def test_sending_without_a_daemon_says_how_to_start_one(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import osc_protocol.client

    monkeypatch.setattr(osc_protocol.client.Client.__init__, "__kwdefaults__", {
        **osc_protocol.client.Client.__init__.__kwdefaults__, "resend_seconds": (0.05,)
    })  # fmt: skip
    assert run("send", "status", "--osc-port", "1") == 1
    (sentence,) = capsys.readouterr().err.splitlines()
    assert "backline serve" in sentence


def backline(daemon, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "daemon", *arguments, "--osc-port", str(daemon.port)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


def test_send_has_a_daemon_play_and_copies_the_result(daemon, tmp_path: Path) -> None:
    ran = backline(
        daemon, "send", "--bpm", "240", "--key", "A minor", "--bars", "1", "--json",
        "--melody", str(demo_melody()), "-o", str(tmp_path / "out"),
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    manifest = json.loads(ran.stdout)
    assert manifest == json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))
    for entry in manifest["files"]:
        assert (tmp_path / "out" / entry["path"]).stat().st_size == entry["bytes"]
    status, jobs = backline(daemon, "send", "status"), backline(daemon, "send", "jobs")
    assert status.stdout.startswith("idle") or status.stdout.startswith("loading")
    assert "done" in jobs.stdout and "240 bpm, A minor, 1 bar" in jobs.stdout


def test_a_job_that_fails_in_the_daemon_is_status_1(daemon, tmp_path: Path) -> None:
    ran = backline(
        daemon, "send", "generate", "--bpm", "240", "--key", "A", "--bars", "1", "--tags", "refuse",
        "-o", str(tmp_path / "out"),
    )  # fmt: skip
    assert ran.returncode == 1
    assert "the engine refuses this one" in ran.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(os.name != "posix", reason="signals between processes are POSIX")
def test_ctrl_c_in_send_cancels_the_job_in_the_daemon(daemon, tmp_path: Path) -> None:
    with (
        daemon.client() as client,
        subprocess.Popen(
            [sys.executable, "-m", "daemon", "send", "--bpm", "240", "--key", "A", "--bars", "1",
             "--tags", "hold", "-o", str(tmp_path / "out"), "--osc-port", str(daemon.port)],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as sender,
    ):  # fmt: skip
        client.subscribe()
        while client.status().running == 0:
            client.next_event(0.05)
        job = next(item.job for item in client.jobs() if item.state == "running")
        sender.send_signal(signal.SIGINT)
        _, told = sender.communicate(timeout=DEADLINE_SECONDS)
        assert client.job(job).state == "cancelled"
    assert sender.returncode == 130
    assert "cancelled; nothing was written" in told
    assert not (tmp_path / "out").exists()


GENERATE = """
import diffusion.engines, tone_engine
diffusion.engines.ENGINES = tone_engine.TONES
from daemon.cli import main
main()
"""


@pytest.mark.skipif(os.name != "posix", reason="signals between processes are POSIX")
def test_ctrl_c_in_generate_stops_within_a_step_and_leaves_no_files(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    os.mkfifo(runs)  # opening it waits until the engine opens its end: then it runs
    with subprocess.Popen(
        [sys.executable, "-c", GENERATE, *words({"--tags": "hold"}, tmp_path / "out")],
        cwd=ROOT,
        env=os.environ
        | {
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(__file__).parent)]),
            "BACKLINE_TEST_RUNS": str(runs),
        },
        stderr=subprocess.PIPE,
        text=True,
    ) as generate:
        runs.read_text()
        generate.send_signal(signal.SIGINT)
        _, told = generate.communicate(timeout=DEADLINE_SECONDS)
    assert generate.returncode == 130
    assert told.splitlines()[-1] == "cancelled; nothing was written"
    assert not (tmp_path / "out").exists()


def test_the_melody_of_the_demo_is_the_example(tmp_path: Path) -> None:
    installed = ROOT / "daemon" / "demo_melody.mid"
    assert installed.read_bytes() == (ROOT / "examples" / "melody.mid").read_bytes()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no such device")
@pytest.mark.parametrize("asked", ["--help", "--version", "styles", "config", "generate --help"])
def test_a_full_disk_behind_what_is_printed_is_one_sentence(asked: str, tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [sys.executable, "-m", "daemon", *asked.split()], cwd=ROOT, stdout=full,
            stderr=subprocess.PIPE, text=True, env=os.environ | {"BACKLINE_HOME": str(tmp_path)},
        )  # fmt: skip
    told = "error: the disk is full: what was to be printed or written found no room\n"
    assert (ran.returncode, ran.stderr) == (1, told)


def test_help_and_version_need_nothing_heavy() -> None:
    for words_, expected in ((["--help"], "generate"), (["--version"], "backline ")):
        ran = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "daemon", *words_],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert expected in ran.stdout
        loaded = {line.rsplit("|", 1)[-1].strip() for line in ran.stderr.splitlines()}
        assert loaded & {"torch", "numpy", "librosa", "matplotlib", "rich"} == set()


def finished(run: Run, tmp_path: Path) -> Path:
    out = tmp_path / "first"
    assert run("generate", "--bpm", "120", "--key", "C", "--bars", "4", "-o", str(out)) == 0
    return out


def sound(path: Path) -> np.ndarray:
    """The samples alone: the chunks around them name the job."""
    return soundfile.read(path, dtype="float32")[0]


def test_a_range_of_bars_of_one_stem_is_made_anew(run: Run, tmp_path: Path) -> None:
    first, second = finished(run, tmp_path), tmp_path / "second"
    assert run("generate", "--from", str(first), "--range", "3-4", "--stems", "bass",
               "-o", str(second)) == 0  # fmt: skip
    old, rate = soundfile.read(first / "bass.wav")
    new, _ = soundfile.read(second / "bass.wav")
    differing = (old != new).any(axis=1).nonzero()[0]
    # Bar 3 begins at 4 s; the new sound leads in by a 24th of a beat (21 ms) and a fade of 10 ms.
    assert 4 * rate - 0.031 * rate - 1 <= differing[0] < 4 * rate
    assert np.array_equal(sound(second / "drums.wav"), sound(first / "drums.wav"))
    take = json.loads((second / "manifest.json").read_text())["takes"][0]
    assert take["facts"]["changed"] == ["bass"]
    assert take["null_dbfs"] <= -100


def test_an_edited_stem_is_played_anew_and_the_others_stay(run: Run, tmp_path: Path) -> None:
    first, second = finished(run, tmp_path), tmp_path / "second"
    assert run("generate", "--from", str(first), "--midi", str(first / "bass.mid"),
               "--stems", "bass", "-o", str(second)) == 0  # fmt: skip
    assert not np.array_equal(sound(second / "bass.wav"), sound(first / "bass.wav"))
    for stem in ("drums", "melody", "vocals"):
        assert np.array_equal(sound(second / f"{stem}.wav"), sound(first / f"{stem}.wav"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--range", "3-9", "--stems", "bass"), "--range must lie in 1-4"),
        (("--bpm", "99", "--stems", "bass"), "bpm must be the source's, 120.0, not 99.0"),
        (("--midi", "x.mid"), "--stems must name the one stem whose notes --midi holds"),
        (("--midi", "x.mid", "--stems", "bass"), "x.mid cannot be read"),
    ],
)
def test_a_change_that_cannot_be_is_one_sentence(
    words: tuple[str, ...],
    said: str,
    run: Run,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = finished(run, tmp_path)
    capsys.readouterr()
    assert run("generate", "--from", str(first), *words, "-o", str(tmp_path / "no")) in (1, 2)
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told
    assert not (tmp_path / "no").exists()


def test_a_change_without_something_to_change_is_refused(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--bpm", "120", "--key", "C", "--range", "1-2", "-o", str(tmp_path / "no"))
    assert run("generate", *words) == 2
    assert "--range changes a result: give --from with it" in capsys.readouterr().err
    assert run("generate", "--from", str(tmp_path / "nowhere"), "-o", str(tmp_path / "no")) == 1
    assert "cannot be read" in capsys.readouterr().err


def told(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "manifest.json").read_text("utf-8")))


def test_sections_and_intensity_are_kept_and_made_again(run: Run, tmp_path: Path) -> None:
    out, again = tmp_path / "out", tmp_path / "again"
    more = ("--section", "1-1: Intro 1, soft pads", "--section", "2-3: chorus",
            "--intensity", "0:0.2 16:1")  # fmt: skip
    assert run(*words({"--bars": "4", "--seed": "5"}, out), *more) == 0
    assert [(each["name"], each["bars"]) for each in told(out)["sections"]] == [
        ("intro, soft pads", 1), ("chorus", 2),
    ]  # fmt: skip
    assert told(out)["takes"][0]["facts"]["curve"] == "0:0.2 16:1", "the engine has it"
    assert run("reproduce", str(out), "-o", str(again)) == 0
    assert (told(again)["request"], told(again)["sections"]) == (
        told(out)["request"], told(out)["sections"],
    )  # fmt: skip


def test_prompts_of_a_file_tell_tempo_and_length_where_nothing_else_does(
    run: Run, tmp_path: Path
) -> None:
    """Two bars of 2 s at 120 bpm and two of 1 s at 240: 6 s, 288 000 frames."""
    prompts, out = tmp_path / "scene.txt", tmp_path / "out"
    prompts.write_text("[0:00] gentle, 120 BPM\n[0:04] loud, 240 BPM\n[0:06] end\n", "utf-8")
    assert run("generate", "--key", "C", "--tags", "lofi", "--timed-prompts", str(prompts),
               "--stems", "bass", "-o", str(out)) == 0  # fmt: skip
    request = told(out)["request"]
    assert (request["bpm"], request["bars"], request["tags"]) == (120.0, 4, "lofi")
    assert (request["tempo_map"], request["sections"]) == ("0:120 8:240", "1-2: gentle\n3-4: loud")
    assert soundfile.info(out / "bass.wav").frames == 288_000


def test_a_curve_comes_from_what_energy_has_told(run: Run, tmp_path: Path) -> None:
    """At 240 bpm a second has 4 beats. Seconds count; beats told for another tempo do not."""
    points = [{"seconds": 0.0, "value": 0.25, "beat": 0.0}, {"seconds": 1.5, "value": 1, "beat": 9}]
    (tmp_path / "curve.json").write_text(json.dumps(points), "utf-8")
    out = tmp_path / "out"
    assert run(*words({"--bars": "2", "--stems": "bass"}, out),
               "--intensity-from", str(tmp_path / "curve.json")) == 0  # fmt: skip
    assert told(out)["request"]["intensity"] == "0:0.25 6:1"


def test_a_curve_comes_from_a_sound_itself(run: Run, tmp_path: Path) -> None:
    """Silence, then noise: little, then all there is."""
    sound = np.random.default_rng(1).normal(0, 0.1, 96_000) * (np.arange(96_000) > 48_000)
    soundfile.write(tmp_path / "talk.wav", sound, 24_000)
    out = tmp_path / "out"
    assert run(*words({"--bars": "4", "--stems": "bass"}, out),
               "--intensity-from", str(tmp_path / "talk.wav")) == 0  # fmt: skip
    curve = Curve.parse(told(out)["request"]["intensity"])
    assert curve.at(0) < 0.2 < 0.6 < curve.at(14)


@pytest.mark.parametrize(
    ("words_", "said"),
    [
        (("--section", "1-9: x"), "--section must be in order, apart and within bars 1 to 1"),
        (("--intensity", "0:2"), "--intensity must be from 0 to 1, not 2"),
        (("--intensity", "0:1", "--intensity-from", "x.json"), "give one of them, not both"),
        (("--intensity-from", "x.json"), "--intensity-from"),
        (("--timed-prompts", "x.txt"), "--timed-prompts file 'x.txt' cannot be read"),
        (("--tags", "[0:99] loud"), "--tags: timed prompts must have times as"),
        (("--source", "x.wav"), "--audio needs engine ace-step"),
        (("--reference", "x.wav"), "--reference needs engine ace-step"),
        (("--edit", "extend"), "--edit extend needs a sound: give --audio with it"),
    ],
)
def test_errors_name_the_options_that_were_typed(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], words_: tuple[str, ...], said: str
) -> None:
    assert run(*words({}, tmp_path / "out"), *words_) == 2
    assert said in capsys.readouterr().err


def test_sending_takes_the_options_of_generating(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = []
    for command in (["generate"], ["send", "generate"]):
        monkeypatch.setattr(sys, "argv", ["backline", *command, "--help"])
        with pytest.raises(SystemExit, match="0"):
            cli.main()
        listed.append(set(re.findall(r"^ +(?:-o, )?(--[\w-]+)", capsys.readouterr().out, re.M)))
    assert listed[1] == listed[0] | {"--osc-port", "--no-start"} and len(listed[0]) > 30
