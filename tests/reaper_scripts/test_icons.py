"""The icons that are shipped are those that the script beside this file draws."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from audio.stem_names import STEMS

HERE = Path(__file__).parent
ICONS = HERE.parents[1] / "reaper_scripts" / "icons"


@pytest.fixture(scope="module")
def draw_icons() -> ModuleType:
    import importlib.util

    spec = importlib.util.spec_from_file_location("draw_icons", HERE / "draw_icons.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_is_one_for_each_stem_and_one_for_their_folder(draw_icons: ModuleType) -> None:
    assert (
        {path.stem for path in ICONS.glob("*.png")} == {*STEMS, "folder"} == set(draw_icons.ICONS)
    )


@pytest.mark.parametrize("name", [*STEMS, "folder"])
def test_it_is_as_drawn(draw_icons: ModuleType, name: str) -> None:
    shipped = np.asarray(Image.open(ICONS / f"{name}.png").convert("RGBA"), np.int16)
    drawn = np.asarray(draw_icons.icon(name), np.int16)
    assert shipped.shape == (64, 64, 4)
    # Versions of Pillow round edges differently: a few steps of 255, on average far below one.
    assert np.abs(shipped - drawn).mean() < 1.0
    assert shipped[..., 3].max() == 255 and shipped[..., 3].min() == 0  # drawn, and on nothing
