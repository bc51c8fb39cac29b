"""`backline styles`: what words mean to the embedded engine."""

from __future__ import annotations

import json

import pytest

from daemon.commands.styles import styles
from diffusion.embedded.moods import MOODS
from diffusion.embedded.phrases import read_table
from diffusion.embedded.vocabulary import STYLES


def test_all_styles_moods_and_instruments_are_listed_with_their_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    styles(as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert (tuple(found["style"]), tuple(found["mood"])) == (STYLES, MOODS)
    assert "walzer" in found["style"]["waltz"]["words"]
    assert "heavy metal" in found["style"]["rock"]["nearest_for"]
    # No word of the table that means a style is left out.
    listed = {word for each in found["style"].values() for words in each.values() for word in words}
    table = read_table().items()
    assert listed == {word for meaning, words in table if "style:" in meaning for word in words}


def test_the_list_is_short_unless_all_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    styles()
    short = capsys.readouterr().out.splitlines()
    styles(all_words=True)
    assert len(short) < 150 < len(capsys.readouterr().out.splitlines())
    assert max(map(len, short)) <= 100 and "Styles" in short


def test_words_are_explained_and_the_unknown_ones_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    styles(["walzer,", "fribble"])
    told = capsys.readouterr().out
    assert "style: waltz" in told and "fribble" in told.split("remark: ")[1]
