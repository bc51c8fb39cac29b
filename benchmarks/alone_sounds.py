"""Sounds that no network of this project has learnt from, each of one stem, and songs of several.

Sonic Pi's and LMMS's samples, speech of voices and languages of espeak-ng's and of Flite's voices
that training leaves out, tunes by TimGM6mb; and short projects of LMMS, rendered once for each stem
with the other stems' tracks muted: real multitracks, whose mix is the sum of their stems.
"""

from __future__ import annotations

import os
import re
import subprocess
import xml.etree.ElementTree as ElementTree
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audio.stem_names import STEMS
from training.sounds import SAMPLE_RATE, Event, Soundfont
from training.splitter_sounds import UNSEEN_FONT
from training.splitter_speech import by_espeak, by_flite, sentence

Sound = NDArray[np.float32]
SONIC_PI, LMMS = Path("/usr/share/sonic-pi/samples"), Path("/usr/share/lmms")
SECONDS = 8.0  # shorter sounds are repeated
GAP_SECONDS = 0.4  # between repeats of what is no loop
RENDER_MOST_SECONDS = 600

# By group: the stem it belongs to, and the files.
FILES: Mapping[str, tuple[str, str]] = {
    "drums": (
        "drums",
        "loop_amen loop_amen_full loop_breakbeat loop_electric loop_industrial loop_mehackit1 "
        "loop_mehackit2 loop_perc1 loop_perc2 loop_safari loop_tabla beats/909beat01 "
        "beats/break01 beats/break02 beats/break03 beats/electro_beat01 beats/electro_beat02 "
        "beats/house_loop01 beats/jungle01",
    ),
    "bass": (
        "bass",
        "bass_dnb_f bass_drop_c bass_hard_c bass_hit_c bass_thick_c bass_trance_c bass_woodsy_c "
        "bassloops/tb303_01 bassloops/techno_bass01 bassloops/techno_bass02 basses/bass01",
    ),
    "melodic": (
        "melody",
        "guit_e_fifths guit_e_slide guit_em9 guit_harmonics ambi_piano ambi_glass_hum "
        "elec_bell perc_bell elec_chime",
    ),
    "choir": ("vocals", "ambi_choir"),
}
MEN = ("sk+male7", "bg+Edward2", "et+Nguyen", "lv+male7", "rms")
WOMEN = ("sk+female4", "bg+Auntie", "et+female4", "lt+Andrea", "slt")
# Tunes by the soundfont that is held back: group, program, chords of pitches.
TUNES = (
    ("melodic", 42, ((36,), (43,), (41,), (48,), (39,), (46,))),  # cello
    ("melodic", 0, ((33, 40), (36, 43), (31, 38), (29, 36))),  # a low piano
    ("melodic", 88, ((48, 55, 60, 64), (45, 52, 57, 60))),  # a pad
    ("melodic", 30, ((40, 47, 52), (43, 50, 55), (45, 52, 57), (38, 45, 50))),  # distorted guitar
    ("melodic", 70, ((43,), (46,), (50,), (48,), (41,))),  # bassoon
    ("choir", 52, ((48, 55, 60, 64), (45, 52, 57, 60), (53, 60, 65, 69))),
    ("choir", 53, ((55, 59, 62), (52, 55, 59), (60, 64, 67))),
)
PROJECTS = ("Crunk(Demo).mmp", "DirtyLove.mmpz", "Greshz-CoolSnip.mmpz", "Skiessi-222.mmpz",
            "Surrender-Main.mmpz")  # fmt: skip


def alone(group: str) -> Iterator[tuple[str, str, Sound]]:
    """The name, the stem and the sound (2, frames) of each that belongs to a group."""
    stem = FILES[group][0] if group in FILES else "vocals"
    for name in FILES.get(group, ("", ""))[1].split():
        yield name, stem, _stereo(_file(name))
    for each in {"male voice": MEN, "female voice": WOMEN}.get(group, ()):
        yield each, stem, _stereo(_speech(each))
    for which, program, chords in TUNES:
        if which == group:
            yield f"{UNSEEN_FONT.stem} {program}", stem, _stereo(_tune(program, chords))


def _file(name: str) -> Sound:
    import soundfile
    import soxr

    path = LMMS / "samples" / f"{name}.ogg" if "/" in name else SONIC_PI / f"{name}.flac"
    sides, rate = soundfile.read(path, dtype="float32", always_2d=True)
    sound = np.asarray(soxr.resample(sides, rate, SAMPLE_RATE), np.float32).T
    is_loop = "loop" in name or name.startswith("beats/")
    gap = np.zeros((sound.shape[0], 0 if is_loop else round(GAP_SECONDS * SAMPLE_RATE)), np.float32)
    once = np.concatenate([sound, gap], 1)
    return np.tile(once, (1, max(1, round(SECONDS * SAMPLE_RATE / once.shape[1]))))


def _speech(voice: str) -> Sound:
    draw = np.random.default_rng([len(voice), *voice.encode()])
    said = [
        by_flite(sentence(draw), voice, 45 if voice == "slt" else 15)
        if "+" not in voice
        else by_espeak(sentence(draw), voice, 150, 40, 50)
        for _ in range(3)
    ]
    return np.concatenate(said)[None]


def _tune(program: int, chords: tuple[tuple[int, ...], ...]) -> Sound:
    length = round(SECONDS * SAMPLE_RATE / len(chords))
    events = [
        Event(number * length, round(0.9 * length), pitch, 96)
        for number, chord in enumerate(chords)
        for pitch in chord
    ]
    return Soundfont(UNSEEN_FONT).play(events, round(SECONDS * SAMPLE_RATE), program=program)[None]


def _stereo(sound: Sound) -> Sound:
    """(2, frames) at a root mean square of a tenth."""
    both = np.broadcast_to(sound, (2, sound.shape[1])) if len(sound) == 1 else sound[:2]
    loud = float(np.sqrt(np.square(both).mean())) + 1e-9
    return np.asarray(both * np.float32(0.1 / loud))


def multitracks(folder: Path) -> Iterator[tuple[str, Sound]]:
    """Name and stems (stems, 2, frames) of LMMS's short projects, rendered into `folder` once."""
    import soundfile

    for project in PROJECTS:
        stems = []
        for stem in STEMS:
            path = folder / f"{project.partition('.')[0]}-{stem}.wav"
            if not path.exists():
                _render(LMMS / "projects" / "shorties" / project, stem, path)
            sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
            assert rate == SAMPLE_RATE
            stems.append(sound.T)
        frames = max(each.shape[1] for each in stems)
        whole = [np.pad(each, ((0, 0), (0, frames - each.shape[1]))) for each in stems]
        yield project.partition(".")[0], np.stack(whole)


def stem_of(track: ElementTree.Element) -> str:
    """The stem of an instrument's track: by its name, by its sample's folder, else melody."""
    source = next((node.get("src", "") for node in track.iter("audiofileprocessor")), "")
    if re.search(r"\bbass\b|sub ?bass|basses/", f"{track.get('name', '')} {source}", re.I):
        return "bass"
    kit = "drums/", "beats/", "drumsynth/", "kick", "snare", "clap", "hihat", "crash"
    played = f"{source} {track.get('name', '')}".lower()
    if any(word in played for word in kit) or track.find(".//kicker") is not None:
        return "drums"
    return "melody"


def _render(project: Path, stem: str, path: Path) -> None:
    """Let LMMS play a project with all tracks but one stem's muted; RuntimeError where it fails."""
    data = project.read_bytes()
    root = ElementTree.fromstring(zlib.decompress(data[4:]) if project.suffix == ".mmpz" else data)
    for track in root.iter("track"):
        if track.get("type") in ("0", "2") and stem_of(track) != stem:
            track.set("muted", "1")
    path.parent.mkdir(parents=True, exist_ok=True)
    changed, half = path.with_suffix(".mmp"), path.with_name(f".{path.name}")
    changed.write_bytes(ElementTree.tostring(root))
    as_root = ["--allowroot"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    done = subprocess.run(
        ["lmms", *as_root, "render", str(changed), "-o", str(half), "-f", "wav",
         "-s", str(SAMPLE_RATE)],
        capture_output=True, text=True, timeout=RENDER_MOST_SECONDS, errors="replace",
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen"}, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode or not half.exists():
        raise RuntimeError(f"lmms did not render {project.name}: {done.stderr.strip()[-300:]}")
    half.replace(path)
    changed.unlink()
