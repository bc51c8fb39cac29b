import pytest

from midi.grid import Grid
from midi.key import Key
from stems.chunks import music_of
from stems.files import tidy_name


def test_a_job_s_stem_is_named_by_number_stem_tempo_and_key():
    music = music_of(Grid.constant("92.5"), Key.parse("C minor"))
    assert tidy_name("drums", ".wav", job="42", music=music) == (
        "backline_0042_drums_92.5bpm_Cmin.wav"
    )


@pytest.mark.parametrize(
    ("bpm", "key", "words"),
    [
        ("120", "Bb major", "120bpm_Bbmaj"),
        ("61.725", "F# dorian", "61.725bpm_F#dor"),
        ("100", "A mixolydian", "100bpm_Amix"),
    ],
)
def test_tempo_and_key_are_short_and_say_no_more_than_they_know(bpm: str, key: str, words: str):
    music = music_of(Grid.constant(bpm), Key.parse(key))
    assert tidy_name("bass", ".flac", job="7", music=music) == f"backline_0007_bass_{words}.flac"


def test_takes_are_told_apart_where_there_are_several():
    assert tidy_name("bass", ".wav", job="7", take=2, takes=3) == "backline_0007_bass_take2.wav"


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("My song", "backline_My-song_mix.wav"),
        ("../a:b*?", "backline_a-b_mix.wav"),
        ("...", "backline_mix.wav"),
        ("x" * 99, f"backline_{'x' * 40}_mix.wav"),
    ],
)
def test_without_a_number_the_label_stands_in_as_far_as_file_systems_go(label: str, name: str):
    assert tidy_name("mix", ".wav", label=label) == name
