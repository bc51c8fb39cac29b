"""Keys as musicians write them."""

from __future__ import annotations

import pytest

from midi.errors import KeyNameError
from midi.key import MODES, Key


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Cm", "C minor"), ("C minor", "C minor"), ("c minor", "C minor"), ("c#m", "C# minor"),
        ("B♭ major", "Bb major"), ("F# dorian", "F# dorian"), ("Bbmin", "Bb minor"),
        ("bmin", "B minor"), ("Bb", "Bb major"), ("bb", "Bb minor"), ("A", "A major"),
        ("a", "A minor"), ("CM", "C major"), ("Cmaj", "C major"), ("CMAJ", "C major"),
        ("C MINOR", "C minor"), ("c major", "C major"), ("E flat minor", "Eb minor"),
        ("B FLAT", "Bb major"), ("f sharp", "F# minor"), ("C:min", "C minor"),
        ("BB MINOR", "Bb minor"), ("D-dorian", "D dorian"),
        ("G_mixolydian", "G mixolydian"), ("  A   minor ", "A minor"), ("E♭m", "Eb minor"),
        ("C ionian", "C major"), ("A aeolian", "A minor"), ("B loc", "B locrian"),
        ("F lydian", "F lydian"), ("E phrygian", "E phrygian"), ("Cb", "Cb major"),
    ],
)  # fmt: skip
def test_a_key_is_read_as_it_is_written(text: str, name: str) -> None:
    assert Key.parse(text).name == name


def test_a_bare_letter_is_major_as_a_capital_and_minor_otherwise() -> None:
    assert Key.parse("A") == Key(9, "major")
    assert Key.parse("a") == Key(9, "minor")


@pytest.mark.parametrize(
    "text",
    ["", "H", "Cmm", "C harmonic minor", "E-", "C#b", "7", "minor", "C minor!", "C" * 99, "♭"],
)
def test_a_text_that_is_no_key_is_refused_with_examples(text: str) -> None:
    with pytest.raises(KeyNameError, match=r"^key must be a tonic and a mode such as 'C minor'"):
        Key.parse(text)


def test_every_key_reads_back_from_its_name() -> None:
    for tonic in range(12):
        for mode in MODES:
            key = Key(tonic, mode)
            assert Key.parse(key.name) == key


@pytest.mark.parametrize(
    ("tonic", "mode", "name"),
    [
        # The signature of the parent scale decides: C# minor has E major's four sharps,
        # Bb minor Db major's five flats, Eb lydian Bb major's two.
        (1, "minor", "C# minor"), (10, "minor", "Bb minor"), (3, "lydian", "Eb lydian"),
        (6, "dorian", "F# dorian"), (1, "major", "Db major"), (6, "major", "F# major"),
    ],
)  # fmt: skip
def test_a_key_without_a_spelling_takes_its_signature(tonic: int, mode: str, name: str) -> None:
    assert Key(tonic, mode).name == name


def test_a_spelling_is_kept_and_does_not_make_another_key() -> None:
    assert Key.parse("G# minor").name == "G# minor"
    assert Key.parse("G# minor") == Key.parse("Ab minor")


def test_modes_on_the_white_keys_share_their_seven_notes() -> None:
    white = "C major|D dorian|E phrygian|F lydian|G mixolydian|A minor|B locrian".split("|")
    for text in white:
        key = Key.parse(text)
        assert set(key.pitch_classes) == {0, 2, 4, 5, 7, 9, 11}
        assert key.pitch_classes[0] == key.tonic


def test_minorish_is_the_third() -> None:
    minorish = {mode for mode in MODES if Key(0, mode).is_minorish}
    assert minorish == {"minor", "dorian", "phrygian", "locrian"}


@pytest.mark.parametrize(
    ("tonic", "mode", "spelling"),
    [(12, "major", ""), (-1, "major", ""), (0, "blues", ""), (0, "major", "D")],
)
def test_a_key_that_cannot_be_is_refused(tonic: int, mode: str, spelling: str) -> None:
    with pytest.raises(KeyNameError):
        Key(tonic, mode, spelling)
