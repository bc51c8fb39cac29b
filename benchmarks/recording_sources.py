"""Music made by people whose beats are known, fetched by the names of Debian's packages.

Four metal songs of Frets on Fire, whose MIDI files say where the beats are, demo projects of LMMS,
rendered by LMMS itself at their own tempo, and Sonic Pi's loops of a known number of beats. All of
it goes into a folder that git ignores, and is there to judge by, not to learn from.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audio.clip import Clip, Samples, read_recorded, resample_fast
from audio.mix_down import to_mono
from training.truth import RATE

PACKAGES = ("fretsonfire-songs-muldjord", "sonic-pi-samples", "lmms", "lmms-common")
PROGRAMS = ("lmms",)  # whose libraries are fetched too
SONG_FOLDER = "usr/share/games/fretsonfire/data/songs/muldjord"
PROJECT_FOLDER = "usr/share/lmms/projects"
LOOP_FOLDER = "usr/share/sonic-pi/samples"
RENDER_MOST_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Song:
    """A song whose beats lie `late_seconds` behind a click at `bpm` that starts with the file.

    That is by how much the sharp onsets of audio/onsets.py lie behind it in the median, where it is
    over 4 ms; MakeMe's samples swell too slowly to say.
    Its bars of four begin on the beats 0, 4 ..., and where `first_beat` is set on that beat and
    every fourth from there. `project` is what LMMS renders it from. What is `held_out` was never
    looked at to choose a limit.
    """

    name: str
    bpm: float
    first_beat: int = 0
    late_seconds: float = 0.0
    project: str = ""
    held_out: bool = False

    def path(self, folder: Path, part: str = "song") -> Path:
        """Where it lies, or its guitar alone."""
        if self.project:
            return folder / "rendered" / f"{self.name}.wav"
        return folder / "root" / SONG_FOLDER / self.name / f"{part}.ogg"


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop of Sonic Pi of a known number of beats, from its first sample to its last."""

    name: str
    beats: int
    held_out: bool = False

    def path(self, folder: Path) -> Path:
        """Where it lies."""
        return folder / "root" / LOOP_FOLDER / f"loop_{self.name}.flac"


SONGS = (
    Song("armygeddon", 170),
    Song("chaos_god", 170),
    Song("internal_degeneration", 190, held_out=True),
    # Its chart's bar line is one beat beside the one that every tracker hears.
    Song("mutilated_mime", 180, first_beat=1),
    Song("Mauiwowi", 102, project="demos/Alf42red-Mauiwowi.mmpz"),
    Song("TwilightArea", 170, project="demos/CapDan/CapDan-TwilightArea-OriginalByAlf42red.mmpz"),
    Song("ZeroSumGame", 144, project="demos/CapDan/CapDan-ZeroSumGame-OriginalByZakarra.mmpz"),
    Song("CPU", 128, late_seconds=0.005, project="demos/EsoXLB-CPU.mmpz", held_out=True),
    Song("Zen", 140, project="demos/Impulslogik-Zen.mmpz"),
    Song("esp", 138, project="demos/Momo64-esp.mmpz"),
    Song("Dr8v2", 120, project="demos/Oglsdl-Dr8v2.mmpz"),
    Song("PpTrip", 140, project="demos/Oglsdl-PpTrip.mmpz"),
    Song("FinalStep", 140, project="demos/Saber-FinalStep.mmpz", held_out=True),
    Song("InnerRecreation", 148, project="demos/Settel-InnerRecreation.mmpz"),
    Song(
        "ProgressiveHouse",
        128,
        project="demos/Shovon-ProgressiveHousePluckDemo.mmpz",
        held_out=True,
    ),
    Song("Progress", 200, project="demos/Socceroos-Progress.mmpz", held_out=True),
    Song("DearJonDoe", 87, project="demos/StrictProduction-DearJonDoe.mmp", held_out=True),
    Song("MakeMe", 140, project="demos/TameAnderson-MakeMe.mmpz"),
    Song("AxeFromThe80s", 140, project="demos/Thomasso-AxeFromThe80s.mmpz", held_out=True),
    Song("DirtyLove", 177, late_seconds=0.005, project="shorties/DirtyLove.mmpz"),
)
LOOPS = (
    Loop("3d_printer", 16, held_out=True),
    Loop("amen", 4),
    Loop("amen_full", 16),
    Loop("breakbeat", 4),
    Loop("compus", 16),
    Loop("electric", 4),
    Loop("garzul", 16),
    Loop("mehackit1", 4),
    Loop("mehackit2", 4, held_out=True),
    Loop("mika", 16, held_out=True),
    Loop("perc1", 4, held_out=True),
    Loop("perc2", 4),
    Loop("safari", 16),
    Loop("tabla", 16),
    Loop("weirdo", 8, held_out=True),
)


def fetch(folder: Path, songs: Sequence[Song], tell: Callable[[str], None]) -> None:
    """Download and unpack what is not there yet, and render the projects; RuntimeError if not."""
    unpacked = folder / "root"
    missing = [each for each in PACKAGES if not (folder / f"{each}.done").exists()]
    if missing:
        packages = folder / "packages"
        packages.mkdir(parents=True, exist_ok=True)
        for name in missing:
            for package in [name, *(_needed_by(name) if name in PROGRAMS else ())]:
                tell(f"fetching {package}")
                _run(["apt-get", "download", package], packages)
            for file in sorted(packages.glob("*.deb")):
                _run(["dpkg", "-x", str(file.resolve()), str(unpacked.resolve())], folder)
                file.unlink()
            (folder / f"{name}.done").touch()
    for song in songs:
        if song.project and not song.path(folder).exists():
            tell(f"rendering {song.name}")
            _render(song, folder)


def _needed_by(program: str) -> list[str]:
    """The packages that installing a program would install beside it here."""
    told = _run(["apt-get", "install", "--simulate", "--no-install-recommends", program], Path())
    lines = [line.split() for line in told.splitlines() if line.startswith("Inst ")]
    return [words[1] for words in lines if words[1] not in PACKAGES]


def _render(song: Song, folder: Path) -> None:
    """By LMMS, as it was unpacked, not installed."""
    root, home = (folder / "root").resolve(), (folder / "home").resolve()
    libraries = root / "usr/lib/x86_64-linux-gnu"
    home.mkdir(parents=True, exist_ok=True)
    song.path(folder).parent.mkdir(parents=True, exist_ok=True)
    half = song.path(folder).with_name(f".{song.name}.wav").resolve()
    environment = {
        "LD_LIBRARY_PATH": f"{libraries}:{libraries / 'lmms'}",
        "HOME": str(home),
        "QT_QPA_PLATFORM": "offscreen",
    }
    as_root = ["--allowroot"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    project = root / PROJECT_FOLDER / song.project
    _run(
        [str(root / "usr/bin/lmms"), *as_root, "render", str(project), "-o", str(half),
         "-f", "wav", "-s", str(RATE)],
        folder, environment,
    )  # fmt: skip
    os.replace(half, song.path(folder))


def _run(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=RENDER_MOST_SECONDS,
        env=os.environ | (environment or {}), stdin=subprocess.DEVNULL, errors="replace",
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:3])} failed: {done.stderr.strip()[-400:]}")
    return done.stdout


def read_mono(path: Path) -> Samples:
    """The sound of a file, (frames,) at RATE; raises AudioError."""
    clip = read_recorded(path).clip
    mono = Clip(to_mono(clip.samples)[None], clip.sample_rate)
    return np.asarray(resample_fast(mono, RATE).samples[0])
