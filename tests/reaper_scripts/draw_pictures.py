"""Draw the pictures of docs/guide/reaper.md from the double: the scripts draw, not REAPER.

python tests/reaper_scripts/draw_pictures.py [-o docs/guide/pictures]
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from textwrap import wrap
from typing import Any

from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
LABEL = "drawn from the test double, not a picture of REAPER"
CENTRED = 1  # gfx.drawstr's flag


def told() -> dict[str, Any]:
    """Play the scenario and return what was drawn and inserted."""
    sys.path.insert(0, str(HERE))
    import reaper_api

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(ROOT / "reaper_scripts", folder / "scripts")
        reaper_api.write_table(folder / "api.lua")
        command = ["lua5.4", "double/play.lua", folder / "api.lua", folder / "scripts", folder]
        subprocess.run(
            [*map(str, command), "pictures.lua"], cwd=HERE, check=True, stdout=subprocess.DEVNULL
        )
        out = folder / "1" / "told.json"  # of the first case
        return json.loads(out.read_text("utf-8"))


def font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(font_manager.findfont("DejaVu Sans"), size)


def labelled(picture: Image.Image) -> Image.Image:
    whole = Image.new("RGB", (picture.width, picture.height + 20), (245, 245, 245))
    whole.paste(picture, (0, 0))
    ImageDraw.Draw(whole).text((6, picture.height + 3), LABEL, (90, 90, 90), font(11))
    return whole


def window(shot: dict[str, Any]) -> Image.Image:
    """What the script drew with gfx."""
    picture = Image.new("RGB", (int(shot["w"]), int(shot["h"])))
    draw = ImageDraw.Draw(picture)
    for each in shot["drawn"]:
        colour = tuple(round(255 * part) for part in each["colour"])
        x, y = each["x"], each["y"]
        if each["kind"] == "rect":
            if min(each["width"], each["height"]) < 1:
                continue  # a bar at its beginning
            box = (x, y, x + each["width"] - 1, y + each["height"] - 1)
            filled = each["filled"] == 1
            draw.rectangle(box, fill=colour if filled else None, outline=colour)
        else:
            middle, letters = (y + each["bottom"]) / 2, font(round(each["size"] * 0.8))
            if int(each["flags"]) & CENTRED:
                place = ((x + each["right"]) / 2, middle)
                draw.text(place, each["text"], colour, letters, anchor="mm")
            else:
                draw.text((x, middle), each["text"], colour, letters, anchor="lm")
    return picture


def sheet(shots: Sequence[dict[str, Any]]) -> Image.Image:
    """Pictures of windows as the scenario took them: dark, light; of each at 100 %, at 200 %.

    A pair of columns is one theme; below each other are the windows of one theme and scale.
    """
    drawn = [window(shot) for shot in shots]
    each = len(drawn) // 4
    columns = [drawn[first : first + each] for first in range(0, len(drawn), each)]
    if each == 1:  # large windows: the themes one below the other
        columns = [drawn[0::2], drawn[1::2]]
    heights = [max(picture.height for picture in row) for row in zip(*columns, strict=True)]
    width = sum(max(picture.width for picture in column) + 8 for column in columns) - 8
    whole = Image.new("RGB", (width, sum(heights) + 8 * len(heights) - 8), (245, 245, 245))
    left = 0
    for column in columns:
        for picture, top in zip(column, accumulate(heights, lambda y, h: y + h + 8, initial=0),
                                strict=False):  # fmt: skip
            whole.paste(picture, (left, top))
        left += max(picture.width for picture in column) + 8
    return labelled(whole)


def arrangement(project: dict[str, Any]) -> Image.Image:
    """Tracks and items over time; a time selection as a lighter band."""
    tracks = project["tracks"]
    everything = [item["value"] for track in tracks for item in track["items"]]
    start = min(value["D_POSITION"] for value in everything)
    end = max(value["D_POSITION"] + value["D_LENGTH"] for value in everything)
    width, names = 760, 220
    scale = (width - names - 20) / (end - start)
    rows = [max(40, 16 * most_takes(track)) + 4 for track in tracks]
    picture = Image.new("RGB", (width, sum(rows) + 4), (51, 54, 60))
    draw = ImageDraw.Draw(picture)

    def x(seconds: float) -> float:
        return names + 10 + (seconds - start) * scale

    if "selection" in project:
        draw.rectangle(
            (*(x(project["selection"][0]), 0), x(project["selection"][1]), 999), (78, 83, 93)
        )
    for track, top, row in zip(tracks, accumulate(rows, initial=4), rows, strict=False):
        native = int(track["value"]["I_CUSTOMCOLOR"])
        colour = (
            (native & 255, native >> 8 & 255, native >> 16 & 255) if native else (150, 156, 168)
        )
        draw.rectangle((0, top, names, top + row - 4), fill=(66, 70, 78))
        draw.rectangle((0, top, 5, top + row - 4), fill=colour)
        indent = 12 if track["value"]["I_FOLDERDEPTH"] == 1 else 26
        draw.text((indent, top + row / 2 - 2), track["name"][:30], (230, 232, 236), font(12), "lm")
        for left, right, low, high, name, shown in boxes_of(track):
            box = (x(left), top + low * (row - 4), x(right), top + high * (row - 4) - 1)
            fill = colour if shown else tuple(part // 2 for part in colour)
            if shown is None:
                fill = (84, 87, 94)
            draw.rectangle(box, fill=fill, outline=(40, 42, 46))
            ink = (30, 30, 34) if shown else (190, 193, 200)
            draw.text((box[0] + 4, (box[1] + box[3]) / 2), name, ink, font(10), "lm")
    return labelled(picture)


def most_takes(track: dict[str, Any]) -> int:
    """How many takes or lanes lie one above the other."""
    if track["value"].get("I_FREEMODE") == 2:
        return len(track["items"])
    return max((len(item["takes"]) for item in track["items"]), default=1)


def boxes_of(
    track: dict[str, Any],
) -> Iterator[tuple[float, float, float, float, str, bool | None]]:
    """Start, end, top and bottom (0..1) of each take, its name, whether it sounds; None: muted."""
    lanes = most_takes(track) if track["value"].get("I_FREEMODE") == 2 else 0
    for item in track["items"]:
        value = item["value"]
        left, right = value["D_POSITION"], value["D_POSITION"] + value["D_LENGTH"]
        lane = int(value.get("I_FIXEDLANE", 0))
        for number, take in enumerate(item["takes"]):
            rows, at = (lanes, lane) if lanes else (len(item["takes"]), number)
            shown = number == int(value["I_CURTAKE"]) and not (lanes and lane)
            sounds = None if value["B_MUTE"] == 1 else shown
            yield left, right, at / rows, (at + 1) / rows, take["name"] or "MIDI", sounds


def message(text: str, buttons: Sequence[str]) -> Image.Image:
    """A message box; REAPER's are drawn by the system, so only the words are true of it."""
    lines = [part for line in text.split("\n") for part in wrap(line, 60) or [""]]
    picture = Image.new("RGB", (460, 22 * len(lines) + 84), (240, 240, 240))
    draw = ImageDraw.Draw(picture)
    for number, line in enumerate(lines):
        draw.text((16, 20 + 22 * number), line, (20, 20, 20), font(13))
    for number, word in enumerate(buttons):
        right = 444 - 96 * number
        box = (right - 84, picture.height - 40, right, picture.height - 14)
        draw.rectangle(box, fill=(225, 225, 225), outline=(150, 150, 150))
        draw.text((right - 42, picture.height - 27), word, (20, 20, 20), font(12), "mm")
    return labelled(picture)


def console(text: str) -> Image.Image:
    """REAPER's console."""
    lines = text.rstrip().split("\n")
    width = 16 + 7 * max(map(len, lines))
    picture = Image.new("RGB", (int(width), 18 * len(lines) + 16), (250, 250, 250))
    draw = ImageDraw.Draw(picture)
    letters = ImageFont.truetype(font_manager.findfont("DejaVu Sans Mono"), 11)
    for number, line in enumerate(lines):
        draw.text((8, 8 + 18 * number), line, (20, 20, 20), letters)
    return labelled(picture)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "docs" / "guide" / "pictures")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    found = told()
    pictures = {name: labelled(window(shot)) for name, shot in found["shots"].items()}
    pictures |= {f"{name}-window": sheet(shots) for name, shots in found["sheets"].items()}
    pictures |= {name: arrangement(plan) for name, plan in found["plans"].items()}
    pictures["offer"] = message(found["boxes"]["offer"], ("No", "Yes"))
    pictures["switch"] = message(found["boxes"]["switch"], ("No", "Yes"))
    text = found["console"].replace("/bin/sh", "/home/me/backline/bin/python")
    for place, shown in (
        (found["home"], "~/.local/share/backline"),
        (found["resources"], "~/.config/REAPER"),
        (found["folder"], "~/songs"),
    ):
        text = text.replace(place, shown)
    pictures["doctor"] = console(text)
    for name, picture in pictures.items():
        # few colours: that keeps the files small
        picture.quantize(64, dither=Image.Dither.NONE).save(
            out / f"reaper-{name}.png", optimize=True
        )


if __name__ == "__main__":
    main()
