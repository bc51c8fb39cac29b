"""Training the planner: songs by people are read, and both networks do the same sums."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import numpy as np
import pytest
import torch

from diffusion.planner import vocabulary as v
from diffusion.planner.network import Shape, load_network
from training import people_sheets, train_planner
from training.planner_data import composed_example, people_tokens, tokens_of
from training.planner_network import PlannerNetwork
from training.songs import Song, held_out_title, read_songs, song_of

# Nine bars of 3/4 after a pickup of one beat, in G; the last chord is G.
ROW = {
    "title": "Made up", "composer": "Nobody", "first_performed": 1900, "genres": ["Folk"],
    "styles": [], "key": "G major", "meter": "3/4", "pickup_beats": 1.0, "length_beats": 28.0,
    "chords": [[0.0, 13.0, "G", 7, 7, [2, 7, 11]], [13.0, 12.0, "D7/F#", 2, 6, [0, 2, 6, 9]],
               [25.0, 3.0, "G", 7, 7, [2, 7, 11]]],
    "tune": [[0.0, 1.0, 62], *[[1.0 + at, 1.0, 67 + at % 3] for at in range(26)]],
}  # fmt: skip


def song(**changed: object) -> Song:
    found = song_of({**ROW, **changed})
    assert found is not None
    return found


def test_a_song_is_read_from_its_first_full_bar() -> None:
    """28 beats less the pickup are nine bars; chords and notes count from the tonic G, a fifth up.

    G lies five semitones under C (-5), so that the first G4, 67, is 72 from a tonic of C.
    """
    read = song()
    assert read.bar_starts[0] == 0.0 and len(read.bar_starts) == 10
    assert read.notes[0] == (0.0, 1.0, 72)
    assert read.chords[0] == (0.0, 12.0, 0, 0, (7, 0, 4))
    assert read.chords[1][:4] == (12.0, 12.0, 7, 11)
    assert read.style == "waltz" and read.mode == "major"


def test_a_song_that_ends_on_its_sixth_degree_s_minor_chord_is_minor() -> None:
    chords = [*ROW["chords"][:2], [25.0, 3.0, "Em", 4, 4, [4, 7, 11]]]  # type: ignore[index]
    assert song(chords=chords).mode == "minor"


def test_songs_without_a_meter_or_a_key_are_left_out() -> None:
    assert song_of({**ROW, "meter": ""}) is None
    assert song_of({**ROW, "key": ""}) is None


def test_jazz_is_swung_and_a_folk_song_is_not() -> None:
    """The offbeat of a beat's half comes at two thirds of it."""
    tune = [[1.0, 0.5, 67], [1.5, 0.5, 69]]
    jazz = song(meter="4/4", genres=["Jazz"], tune=tune, length_beats=65.0)
    assert [round(start, 3) for start, _, _ in jazz.notes] == [0.0, 0.667]
    folk = song(meter="4/4", genres=["Folk"], tune=tune, length_beats=65.0)
    assert [start for start, _, _ in folk.notes] == [0.0, 0.5]


def test_a_tenth_of_the_songs_is_held_out_by_title_alone() -> None:
    held = [held_out_title(f"Song {number}") for number in range(1000)]
    assert 0.07 < sum(held) / len(held) < 0.13
    assert held_out_title("Song  7 ") == held_out_title("song 7")


def test_a_song_becomes_the_same_tokens_again() -> None:
    one, two = (people_tokens([song()], held_out=held_out_title("Made up"), times=2)[at] for at in
                (0, 0))  # fmt: skip
    assert np.array_equal(one.tokens, two.tokens)
    assert set(one.places.max(axis=0) < np.array(list(v.PLACE.values()))) == {True}


def test_composed_sheets_stay_within_the_vocabulary() -> None:
    for seed in range(1, 9):
        row = tokens_of(composed_example(seed))
        assert row.tokens.min() >= 0 and row.tokens.max() < v.TOKENS
        assert (row.places < np.array(list(v.PLACE.values()))).all() and (row.places >= 0).all()
        assert (row.facts < np.array(list(v.GLOBALS.values()))).all() and (row.facts >= 0).all()


def test_both_networks_do_the_same_sums(tmp_path: Path) -> None:
    """Logits of a composed sheet's first tokens, weights as float16 in both: within 1e-3."""
    torch.manual_seed(3)
    shape = Shape(width=64, layers=2, heads=2)
    trained = PlannerNetwork(shape)
    train_planner.save(tmp_path / "planner.safetensors", trained.state_dict(), shape)
    shipped = load_network(tmp_path / "planner.safetensors")
    trained.load_state_dict({k: w.half().float() for k, w in trained.state_dict().items()})
    row = tokens_of(composed_example(5))
    count = 60
    before = [v.TOKENS, *row.tokens[: count - 1].tolist()]
    with torch.no_grad():
        wanted = trained(
            torch.tensor([before]), torch.tensor(row.places[None, :count].astype(np.int64)),
            torch.tensor(row.later[None, :count].astype(np.float32)),
            torch.tensor(row.facts[None].astype(np.int64)),
        )[0].numpy()  # fmt: skip
    session = shipped.start(row.facts.tolist(), 1)
    for at in range(count):
        logits = session.step(
            [before[at]], [row.places[at].tolist()], [row.later[at].astype(float).tolist()]
        )
        assert logits[0] == pytest.approx(wanted[at], abs=1e-3)


def database(path: Path) -> None:
    """OpenEWLD's tables with three songs: an old one, a traditional one, one of 1940."""
    base = sqlite3.connect(path)
    base.executescript(
        """
        create table authors (common_name string primary key, birth date, death date, nationality);
        create table works (id integer primary key, title string, first_performance_date date,
            language string, path_lyrics string, path_leadsheet string);
        create table work_author (id integer, author string);
        create table work_genres (id integer, genre string, occurrences integer);
        create table work_style (id integer, style string, occurrences integer);
        insert into authors values ('A. Old', '1850-01-01', '1920-02-03', ''),
            ('B. Young', '1900-01-01', '1950-01-01', ''), ('[Traditional]', null, null, null);
        insert into works values (1, 'Old Song', null, 'English', '', 'dataset/old.mxl'),
            (2, 'Round', null, 'English', '', 'dataset/round.mxl'),
            (3, 'New Song', '1940-01-01', 'English', '', 'dataset/new.mxl');
        insert into work_author values (1, 'A. Old'), (2, '[Traditional]'), (3, 'B. Young');
        insert into work_genres values (1, 'Jazz', 6), (1, 'Pop', 2), (2, 'Folk', 3), (2, 'Pop', 2);
        """
    )
    base.commit()
    base.close()


def test_songs_are_kept_that_are_surely_in_the_public_domain(tmp_path: Path) -> None:
    database(tmp_path / "OpenEWLD.db")
    found = list(people_sheets.songs_of(tmp_path))
    assert [each["title"] for each in found] == ["Old Song", "Round"]
    assert found[0]["genres"] == ["Jazz"]  # more than twice as often as Pop
    assert found[1]["genres"] == ["Folk", "Pop"]
    assert people_sheets.is_free(["X"], [None], "1929-05-01")
    assert not people_sheets.is_free(["X", "Y"], ["1910", "1931-01-01"], None)


MUSICXML = """<?xml version="1.0" encoding="UTF-8"?>
<score-partwise version="3.1"><part-list><score-part id="P1"><part-name>M</part-name></score-part>
</part-list><part id="P1"><measure number="0" implicit="yes"><attributes><divisions>2</divisions>
<key><fifths>1</fifths><mode>major</mode></key><time><beats>3</beats><beat-type>4</beat-type></time>
<clef><sign>G</sign><line>2</line></clef></attributes><note><pitch><step>D</step><octave>4</octave>
</pitch><duration>2</duration><type>quarter</type></note></measure>
<measure number="1"><harmony><root><root-step>G</root-step></root><kind>major</kind></harmony>
<note><pitch><step>G</step><octave>4</octave></pitch><duration>6</duration><type>half</type><dot/>
<tie type="start"/></note></measure><measure number="2"><harmony><root><root-step>D</root-step>
</root><kind>dominant</kind></harmony><note><pitch><step>G</step><octave>4</octave></pitch>
<duration>2</duration><tie type="stop"/></note><note><rest/><duration>4</duration></note></measure>
</part></score-partwise>"""


def test_a_score_is_read_with_pickup_ties_and_chords(tmp_path: Path) -> None:
    """A pickup of one beat, a note tied over the bar line (four beats), a chord a bar."""
    pytest.importorskip("music21")
    import zipfile

    with zipfile.ZipFile(tmp_path / "song.mxl", "w") as archive:
        archive.writestr(
            "META-INF/container.xml",
            '<?xml version="1.0"?><container><rootfiles><rootfile full-path="song.xml"/>'
            "</rootfiles></container>",
        )
        archive.writestr("song.xml", MUSICXML)
    row = people_sheets.read_song(tmp_path, {"title": "T", "path": "song.mxl"})
    assert row is not None
    assert row["tune"] == [[0.0, 1.0, 62], [1.0, 4.0, 67]]
    assert (row["key"], row["meter"], row["pickup_beats"]) == ("G major", "3/4", 1.0)
    assert [chord[:2] + chord[3:] for chord in row["chords"]] == [
        [1.0, 3.0, 7, 7, [2, 7, 11]],
        [4.0, 3.0, 2, 2, [0, 2, 6, 9]],
    ]


def test_files_of_songs_are_read_back(tmp_path: Path) -> None:
    (tmp_path / "sheets.json").write_text(json.dumps([ROW, {**ROW, "meter": ""}]), "utf-8")
    assert read_songs(tmp_path / "sheets.json") == [song()]
