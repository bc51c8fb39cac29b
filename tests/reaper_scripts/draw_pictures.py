"""Draw the pictures of docs/reaper.md from the double: what the scripts draw, not REAPER itself.

python tests/reaper_scripts/draw_pictures.py [-o docs/pictures]
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
LABEL = "drawn from the test double, not a picture of REAPER"
CENTRED = 1  # gfx.drawstr's flag
SCENARIO = """
case("pictures", function(w, Daemon)
  local project, shots = w:project(), {}
  local function shoot(name) shots[name] = { w = gfx.w, h = gfx.h, drawn = w.window.shown } end
  project.bpm, project.file = 92.5, "/songs/My song.rpp"
  project.selection = { 8 * 60 / 92.5, 40 * 60 / 92.5 }
  local chosen = '{"key":"C minor","style":"dub techno, warm bass","takes":2}'
  project.ext.backline = { settings = chosen }
  local daemon = Daemon.new(w)
  daemon.steps, daemon.frames = 300, 432000
  w:run("backline_generate.lua", function()
    w:wait(function() return w:shows("^Bars") end)
    w:press("enter")
    w:wait(function() return w:shows("^Composing 6%d %%") end)
    shoot("progress")
    w:wait(function() return w:shows("^Inserted") end)
    w:pass(2)
    w:press("escape")
  end)
  local landed = w:plain()
  local song = w:open({ file = "/songs/another.rpp" })
  w.front = 2
  w:add_sound_item(song, "/songs/loop.wav", { D_POSITION = 0.0, D_LENGTH = 9.0, B_LOOPSRC = 0.0 })
  w:run("backline_split_selected_item.lua")
  local file = assert(w.real.io_open([[OUT]], "wb"))
  file:write(Daemon.json.encode({ shots = shots, landed = landed, split = w:plain(2) }))
  file:close()
end)
"""


def told() -> dict[str, Any]:
    """Play the scenario and return what was drawn and inserted."""
    sys.path.insert(0, str(HERE))
    import reaper_api

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(ROOT / "reaper_scripts", folder / "scripts")
        reaper_api.write_table(folder / "api.lua")
        out, cases = folder / "told.json", folder / "pictures.lua"
        cases.write_text(SCENARIO.replace("OUT", str(out)), encoding="utf-8")
        command = ["lua5.4", "double/play.lua", folder / "api.lua", folder / "scripts"]
        subprocess.run(
            [str(each) for each in [*command, folder / "world", cases]],
            cwd=HERE, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
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
    draw, letters = ImageDraw.Draw(picture), font(12)
    for each in shot["drawn"]:
        colour = tuple(round(255 * part) for part in each["colour"])
        x, y = each["x"], each["y"]
        if each["kind"] == "rect":
            box = (x, y, x + each["width"] - 1, y + each["height"] - 1)
            filled = each["filled"] == 1
            draw.rectangle(box, fill=colour if filled else None, outline=colour)
        else:
            middle = (y + each["bottom"]) / 2
            if int(each["flags"]) & CENTRED:
                place = ((x + each["right"]) / 2, middle)
                draw.text(place, each["text"], colour, letters, anchor="mm")
            else:
                draw.text((x, middle), each["text"], colour, letters, anchor="lm")
    return labelled(picture)


def arrangement(project: dict[str, Any]) -> Image.Image:
    """The tracks and items that were inserted, over time."""
    width, row, names, pixels_a_second = 760, 44, 190, 60.0
    tracks = project["tracks"]
    picture = Image.new("RGB", (width, row * len(tracks) + 4), (51, 54, 60))
    draw, letters = ImageDraw.Draw(picture), font(12)
    start = min(item["value"]["D_POSITION"] for track in tracks for item in track["items"])
    for index, track in enumerate(tracks):
        top = index * row + 4
        native = int(track["value"]["I_CUSTOMCOLOR"])
        colour = (native & 255, native >> 8 & 255, native >> 16 & 255)
        draw.rectangle((0, top, names, top + row - 4), fill=(66, 70, 78))
        draw.rectangle((0, top, 5, top + row - 4), fill=colour)
        indent = 12 if track["value"]["I_FOLDERDEPTH"] == 1 else 26
        draw.text((indent, top + row / 2 - 2), track["name"][:26], (230, 232, 236), letters, "lm")
        for item in track["items"]:
            left = names + 10 + (item["value"]["D_POSITION"] - start) * pixels_a_second
            right = left + item["value"]["D_LENGTH"] * pixels_a_second
            height = (row - 4) / len(item["takes"])
            for number, take in enumerate(item["takes"]):
                box = (left, top + number * height, right, top + (number + 1) * height - 1)
                shown = number == int(item["value"]["I_CURTAKE"])
                fill = colour if shown else tuple(part // 2 for part in colour)
                if item["value"]["B_MUTE"] == 1:
                    fill = (84, 87, 94)
                draw.rectangle(box, fill=fill, outline=(40, 42, 46))
                draw.text(
                    (left + 4, box[1] + height / 2), take["name"], (30, 30, 34), font(10), "lm"
                )
    return labelled(picture)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "docs" / "pictures")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    found = told()
    for name, shot in found["shots"].items():
        window(shot).save(out / f"reaper-{name}.png")
    arrangement(found["landed"]).save(out / "reaper-tracks.png")
    arrangement(found["split"]).save(out / "reaper-split.png")


if __name__ == "__main__":
    main()
