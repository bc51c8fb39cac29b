"""Results found again: listed and searched beside a daemon, shown, rated, heard, deleted."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from daemon import retention
from daemon.amounts import bytes_of, seconds_of, size_text
from daemon.errors import UsageError
from daemon.jobs import JobState
from daemon.journal import Journal
from daemon.library import entries, find, wanted
from daemon.limits import Limits
from daemon.ratings import rate, rating_of
from daemon.retention import Retention, plan
from osc_protocol.generate import Generate
from osc_protocol.split import Split
from stems.manifest import read_manifest

Run = Callable[..., int]
DAY = 86_400


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A result of the tone engine: a bar at 240 bpm, drums and bass."""
    from tone_engine import ToneEngine

    from daemon.pipeline import generate

    out = tmp_path_factory.mktemp("played")
    asked = Generate(bpm=240.0, key="A minor", bars=1, stems=("drums", "bass"))
    generate(asked, ToneEngine(), out, lambda stage, fraction: None, lambda: False)
    return out


@pytest.fixture
def result(played: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(played, tmp_path / "result"))


@dataclass
class Home:
    """A daemon's folder with its journal open, as a daemon has it."""

    path: Path
    result: Path
    journal: Journal
    count: int = field(default=0)

    def add(self, *, days: float = 0.0, state: JobState = JobState.DONE, **asked: object) -> int:
        """Put a job of so many days ago into the journal, with files if it is done."""
        music = {"bpm": 120.0, "key": "C major", "bars": 8} | asked
        request = Split(**asked) if "path" in asked else Generate(**music)  # type: ignore[arg-type]
        self.count += 1
        number = self.journal.add(
            "127.0.0.1", f"take{self.count}", request.digest, request.as_dict(), 0
        ).job.number
        if state is not JobState.QUEUED:
            self.journal.start(number)
        if state.is_final:
            self.journal.finish(number, state, message="" if state == "done" else "it is broken")
        then = time.time() - days * DAY
        with closing(sqlite3.connect(self.path / "journal.sqlite3")) as database, database:
            database.execute(
                "UPDATE jobs SET created_seconds = ?, ended_seconds = ? WHERE number = ?",
                (then, then if state.is_final else 0.0, number),
            )
        if state is JobState.DONE:
            shutil.copytree(self.result, self.folder(number))
        return number

    def folder(self, number: int) -> Path:
        return self.path / "jobs" / str(number)

    @property
    def left(self) -> list[int]:
        return sorted(int(each.name) for each in (self.path / "jobs").iterdir())


@pytest.fixture
def home(result: Path, tmp_path: Path) -> Iterator[Home]:
    path = tmp_path / "home"
    (path / "jobs").mkdir(parents=True)
    journal = Journal(path / "journal.sqlite3")
    yield Home(path, result, journal)
    journal.close()


def test_results_are_listed_newest_first_with_what_they_are_about(
    run: Run, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    home.add(bpm=92.5, key="C minor", tags="lofi,\nwarm bass")
    home.add(state=JobState.FAILED)
    home.add(path=str(home.path / "My song.mp3"))
    capsys.readouterr()
    assert run("library") == 0
    split, lofi = capsys.readouterr().out.splitlines()
    assert split.startswith("    3  ") and split.endswith("split of My song.mp3")
    assert lofi.endswith("92.5 bpm, C minor, 8 bars, lofi, warm bass")
    assert run("library", "--all") == 0
    assert "failed  120 bpm, C major, 8 bars" in capsys.readouterr().out


def test_the_library_is_read_while_another_program_writes_the_journal(
    run: Run, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    home.add(tags="lofi")
    with closing(sqlite3.connect(home.path / "journal.sqlite3", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        capsys.readouterr()
        assert run("library", "list", "--json") == 0
        writer.execute("UPDATE jobs SET message = 'written meanwhile'")
        writer.execute("COMMIT")
    (entry,) = json.loads(capsys.readouterr().out)
    assert (entry["job"], entry["style"], entry["folder"]) == (1, "lofi", str(home.folder(1)))


def test_a_home_without_a_journal_has_no_results(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("library", "--home", tmp_path / "nowhere") == 0
    assert "no result fits" in capsys.readouterr().err
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "journal.sqlite3").write_bytes(b"no journal " * 100)
    assert run("library", "--home", tmp_path / "bad") == 1
    assert "cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("search", "numbers"),
    [
        ({"style": "WARM lofi"}, [1]),
        ({"words": "rock 120"}, [2]),
        ({"key": "Cm"}, [1]),
        ({"key": "Db major"}, [3]),  # the same pitches as C#
        ({"bpm": "92.5"}, [1]),
        ({"bpm": "90-121"}, [2, 1]),
        ({"bpm": "92.5", "key": "C major"}, []),
        ({"date": "36h"}, [3, 2]),
        ({"date": "2001-09"}, [1]),
        ({"date": "2001-09-09"}, [1]),
        ({"date": "2001-01-01..2001-12-31"}, [1]),
        ({"date": "2002-01-01.."}, [3, 2]),
        ({"date": "..2001-09-08"}, []),
        ({"rating": 3}, [2]),
        ({}, [3, 2, 1]),
    ],
)
def test_a_search_finds_what_fits_all_that_is_given(
    home: Home, run: Run, search: dict[str, object], numbers: list[int]
) -> None:
    # Second 1,000,036,000 was 11:46 of the 9th of September 2001 in Greenwich, and that day
    # wherever the clock is at most eleven hours off.
    home.add(days=(time.time() - 1_000_036_000) / DAY, bpm=92.5, key="C minor", tags="lofi, warm")
    home.add(days=1, tags="rock")
    home.add(key="C# major", bpm=140.0)
    assert run("library", "rate", "2", "4") == 0
    fits = wanted(**search)  # type: ignore[arg-type]
    assert [each.job.number for each in entries(home.path) if fits(each)] == numbers


@pytest.mark.parametrize(
    ("option", "text", "sentence"),
    [
        ("--bpm", "fast", "bpm must be a number or a range such as 90-100, not 'fast'"),
        ("--key", "H", "key must be a key such as 'C minor' or F#m, not 'H'"),
        ("--date", "yesterday", "date must be a day (2026-11-30), a month (2026-11), a range"),
    ],
)
def test_a_search_that_cannot_be_is_a_sentence(
    run: Run, home: Home, capsys: pytest.CaptureFixture[str], option: str, text: str, sentence: str
) -> None:
    assert run("library", option, text) == 2
    assert sentence in capsys.readouterr().err


def test_a_result_is_shown_by_number_id_place_and_folder(
    run: Run, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    number = home.add(tags="lofi")
    for target in (number, "take1", "last"):
        capsys.readouterr()
        assert run("library", "show", target) == 0
        told = capsys.readouterr().out
        assert "lofi" in told and "drums.wav" in told and "48000 frames" in told
    assert run("library", "show", home.folder(1), "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["rating"] == 0 and shown["manifest"]["stems"] == ["drums", "bass"]


def test_what_has_no_files_says_why(
    run: Run, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    home.add()
    shutil.rmtree(home.folder(1))
    home.add(state=JobState.FAILED)
    home.add(state=JobState.QUEUED)
    capsys.readouterr()
    for target, why in (
        ("1", f"job 1 has no files: its folder {home.folder(1)} was deleted"),
        ("2", "job 2 has no files: it is broken"),
        ("3", "job 3 has no files: it is queued"),
        ("4", f"there is no job 4 in {home.path}"),
        (str(home.path), "holds no result"),
    ):
        for command in (("play", target), ("open", target), ("library", "rate", target, "3")):
            assert run(*command) == 1
            told = capsys.readouterr().err
            assert why in told and len(told.splitlines()) == 1


def test_a_rating_lasts_and_is_not_that_of_the_next_result(run: Run, home: Home) -> None:
    number = home.add()
    manifest = home.folder(number) / "manifest.json"
    assert run("library", "rate", number, "5") == 0 and rating_of(manifest) == 5
    assert run("library", "rate", home.folder(number), "2") == 0 and rating_of(manifest) == 2
    assert find(home.path, "last").rating == 2
    assert (
        run("library", "rate", number, "0") == 0 and not (manifest.parent / "rating.json").exists()
    )
    assert run("library", "rate", number, "6") == 2
    assert run("library", "rate", number, "4.5") == 2
    asked = ("generate", "--bpm", "240", "--key", "C", "--bars", "1", "--stems", "bass")
    out = home.path / "out"
    assert run(*asked, "-o", out) == 0 and run("library", "rate", out, "3") == 0
    assert rating_of(out / "manifest.json") == 3
    assert run(*asked, "-o", out, "--force") == 0 and rating_of(out / "manifest.json") == 0
    assert rating_of(home.path / "out-bak" / "manifest.json") == 3


def test_deleting_asks_and_leaves_what_is_needed(
    run: Run, home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(4):
        home.add()
    home.add(state=JobState.QUEUED, from_=str(home.folder(2)), stems=("drums",))
    running = home.add(state=JobState.RUNNING)
    home.folder(running).mkdir()
    (home.path / "elsewhere").mkdir()
    shutil.move(home.folder(3), home.path / "elsewhere" / "3")
    home.folder(3).symlink_to(home.path / "elsewhere" / "3")
    monkeypatch.setattr("typer.confirm", lambda *words, **more: False)
    assert run("library", "delete", "1") == 0 and 1 in home.left
    assert run("library", "delete", "1", "2", "3", running, "--yes") == 1
    assert home.left == [2, 3, 4, 6]
    assert (home.path / "elsewhere" / "3" / "manifest.json").is_file()
    told = capsys.readouterr().err
    assert "job 2 is left: a job that waits or runs needs it" in told
    assert f"{home.folder(3)} is no folder of its own" in told
    assert "job 6 is left: a job that waits or runs needs it" in told


def test_prune_deletes_what_is_old_and_then_what_takes_too_much_room(
    run: Run, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    for days in (50, 40, 20, 10, 0):
        home.add(days=days)
    assert run("library", "rate", "1", "3") == 0
    size = find(home.path, "2").as_plain()["bytes"]
    assert isinstance(size, int) and size > 500_000
    assert run("prune", "--older", "30d", "--keep-rated", "--dry-run") == 0
    assert home.left == [1, 2, 3, 4, 5]
    assert "1 results" in capsys.readouterr().out
    assert run("prune", "--older", "30d", "--keep-rated", "--yes") == 0
    assert home.left == [1, 3, 4, 5]
    # Three results fit where the rated one and two more lie: the oldest unrated one goes.
    assert run("prune", "--over", f"{3.5 * size / 1e6:.6f}MB", "--keep-rated", "--yes") == 0
    assert home.left == [1, 4, 5]
    assert run("prune", "--over", "1B", "--keep-rated", "--yes") == 0
    assert home.left == [1]
    assert "more than that size stays" in capsys.readouterr().err
    assert run("prune", "--older", "30d", "--yes") == 0
    assert home.left == []
    assert (home.path / "journal.sqlite3").is_file()


def test_prune_leaves_what_waits_runs_or_is_read_and_what_is_no_jobs(home: Home, run: Run) -> None:
    for _ in range(3):
        home.add(days=9)
    home.add(days=9, state=JobState.QUEUED, from_=str(home.folder(1) / "manifest.json"))
    home.add(days=9, state=JobState.RUNNING, path=str(home.folder(2) / "mix.wav"))
    for name in ("5", "77", "notes"):
        (home.path / "jobs" / name).mkdir()
        (home.path / "jobs" / name / "mine.txt").write_text("mine")
    assert run("prune", "--older", "1h", "--yes") == 0
    names = {each.name for each in (home.path / "jobs").iterdir()}
    assert names == {"1", "2", "5", "77", "notes"}


def test_a_job_that_comes_while_its_source_is_deleted_finds_it(home: Home) -> None:
    from daemon import job_folders

    home.add()
    answers = iter([frozenset(), frozenset({1})])
    jobs = home.path / "jobs"
    assert not job_folders.delete(jobs, 1, lambda: next(answers))
    assert read_manifest(home.folder(1))


def test_what_an_interrupted_deletion_left_is_swept(home: Home, run: Run) -> None:
    home.add()
    shutil.copytree(home.result, home.path / "jobs" / ".deleted-9")
    home.add(days=9)
    assert run("prune", "--older", "1d", "--yes") == 0
    assert [each.name for each in (home.path / "jobs").iterdir()] == ["1"]


def test_prune_without_limits_or_with_bad_ones_is_a_sentence(
    run: Run, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, sentence in (
        ((), "give --older, such as 30d, or --over, such as 20GB, or both"),
        (("--older", "30"), "older must be a number of h, d, w or y, such as 30d, not '30'"),
        (("--over", "much"), "over must be a size such as 20GB or 500MB, not 'much'"),
    ):
        assert run("prune", *words) == 2
        assert sentence in capsys.readouterr().err


def test_a_daemon_keeps_its_results_within_limits_when_something_has_happened(home: Home) -> None:
    home.add(days=9)
    home.add()
    keeper = Retention(home.path, Limits(older_seconds=DAY))
    keeper.look(7)
    keeper.join()
    assert home.left == [2]
    home.add(days=9)
    keeper.look(7)  # nothing new has happened
    keeper.join()
    assert home.left == [2, 3]
    keeper.look(8)
    keeper.join()
    assert home.left == [2]
    off = Retention(home.path, Limits())
    off.look(1)
    off.join()
    assert plan(home.path, Limits()).going == ()


def test_a_daemon_whose_jobs_leave_no_pause_looks_once_a_minute(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.add(days=9)
    keeper = Retention(home.path, Limits(older_seconds=DAY))
    keeper.look(7, is_calm=False)
    keeper.join()
    assert home.left == [1]
    monkeypatch.setattr(retention, "BUSY_SECONDS", 0.0)  # as if the minute were over
    keeper.look(7, is_calm=False)
    keeper.join()
    assert home.left == []


def test_amounts_are_read_and_written_as_people_do() -> None:
    assert (seconds_of("older", "1.5d"), seconds_of("older", "2w")) == (129_600, 1_209_600)
    assert (bytes_of("over", "20GB"), bytes_of("over", "1 KiB")) == (20_000_000_000, 1024)
    assert [size_text(n) for n in (12, 999, 7_654_321, 20_000_000_000)] == [
        "12 B", "999 B", "7.65 MB", "20 GB",
    ]  # fmt: skip
    with pytest.raises(UsageError):
        seconds_of("older", "-3d")


class FakeDevice:
    """PortAudio as sounddevice offers it, which keeps what is played."""

    class PortAudioError(Exception):
        pass

    def __init__(self, broken: str = "") -> None:
        self.broken, self.played, self.asked = broken, [], {}

    def OutputStream(self, **asked: object) -> FakeDevice:
        if self.broken:
            raise self.PortAudioError(self.broken)
        self.asked = asked
        return self

    def __enter__(self) -> FakeDevice:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def write(self, samples: np.ndarray) -> None:
        assert samples.flags.c_contiguous and samples.dtype == np.float32
        self.played.append(samples)


@pytest.mark.parametrize(
    ("words", "names"), [((), ["mix"]), (("--stems", "drums,bass"), ["drums", "bass"])]
)
def test_play_plays_the_mix_or_stems_together(
    run: Run,
    result: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    names: list[str],
) -> None:
    device = FakeDevice()
    monkeypatch.setitem(sys.modules, "sounddevice", device)  # type: ignore[arg-type]
    assert run("play", result, *words) == 0
    sum_of_all = sum(soundfile.read(result / f"{name}.wav", dtype="float32")[0] for name in names)
    assert np.array_equal(np.concatenate(device.played), sum_of_all)
    assert device.asked == {"samplerate": 48_000, "channels": 2, "dtype": "float32"}


def test_play_says_what_it_lacks_in_a_sentence(
    run: Run, result: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    silent = FakeDevice("Error querying device -1")
    capsys.readouterr()
    for device, words, sentence in (
        (silent, (), "no sound device of this machine plays it: Error querying device -1"),
        (None, (), "playing needs the package sounddevice: run `pip install sounddevice`"),
        (silent, ("--stems", "vocals"), "stems must be among drums, bass, not 'vocals'"),
        (silent, ("--take", "2"), "take must be from 1 to 1, not 2"),
    ):
        monkeypatch.setitem(sys.modules, "sounddevice", device)  # type: ignore[arg-type]
        assert run("play", result, *words) in (1, 2)
        told = capsys.readouterr()
        assert told.err.splitlines() == [f"error: {sentence}"] and not told.out


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other programs for it")
def test_open_shows_the_folder_or_says_where_it_is(
    run: Run, result: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    program = tmp_path / "bin" / "xdg-open"
    program.parent.mkdir()
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    program.write_text(f'#!/bin/sh\nprintf %s "$1" > {tmp_path / "opened"}\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    assert run("open", result) == 0
    assert (tmp_path / "opened").read_text() == str(result)
    program.write_text("#!/bin/sh\nexit 3\n")
    capsys.readouterr()
    assert run("open", result) == 1
    assert capsys.readouterr().err.strip() == (
        f"error: no file manager could be opened with xdg-open; the folder is {result}"
    )


def test_a_daemon_deletes_old_results_while_it_is_idle_and_serves_on(
    home: Home, launch: Callable[..., Any]
) -> None:
    for days in (40, 40, 0):
        home.add(days=days)
    rate(home.folder(2) / "manifest.json", 5)
    home.journal.close()
    limits = {"BACKLINE_PRUNE_OLDER": "30d", "BACKLINE_PRUNE_KEEP_RATED": "yes"}
    daemon = launch(home.path, **limits)
    with daemon.client() as client:
        client.subscribe()
        deadline = time.monotonic() + 60
        while home.folder(1).exists() and time.monotonic() < deadline:
            client.next_event(5.0)  # a heartbeat, after which it looks
        assert home.left == [2, 3]
        gone = next(item for item in client.jobs() if item.job == 1)
        assert (gone.state, gone.has_files) == ("done", False)
