"""Drum grooves of every style in common time, from the sparsest to the fullest.

Sixteen steps are sixteenths, twelve are triplet eighths. X is an accent, x a stroke, o a soft
one, g a ghost note. Each style has three tiers (thin, main, full) of one or more grooves.
"""

from __future__ import annotations

Groove = dict[str, str]
Tiers = tuple[tuple[Groove, ...], tuple[Groove, ...], tuple[Groove, ...]]

BACK = "....X.......X..."
FLOOR = "X...X...X...X..."
OFFBEAT = "..X...X...X...X."
EIGHTHS = "X.o.x.o.X.o.x.o."


def _groove(**voices: str) -> Groove:
    return voices


GROOVES: dict[str, Tiers] = {
    "pop": (
        (
            _groove(
                kick="X.......X.......",
                side_stick="....x.......x...",
                closed_hat=EIGHTHS,
            ),
            _groove(kick="X.....x.X.......", closed_hat="X...x...X...x..."),
        ),
        (
            _groove(kick="X.....x.X.......", snare=BACK, closed_hat=EIGHTHS),
            _groove(
                kick="X......xX.x.....|X......xX.....x.",
                snare="....X..g.g..X..g",
                closed_hat=EIGHTHS,
            ),
            _groove(kick="X..x..x...x.....", snare=BACK, closed_hat="XoxoXoxoXoxoXoxo"),
        ),
        (
            _groove(
                kick=FLOOR,
                snare=BACK,
                clap=BACK,
                closed_hat="x.o.x.o.x.o.x...",
                open_hat="..............x.",
            ),
            _groove(
                kick="X.x...x.X.x.....|X.x...x.X.x...x.",
                snare="....X..g.g..X...",
                ride=EIGHTHS,
            ),
        ),
    ),
    "rock": (
        (
            _groove(
                kick="X.......X.......",
                side_stick="....x.......x...",
                closed_hat="X...x...X...x...",
            ),
            _groove(kick="X.......X.x.....", low_tom="..x.x.x...x.x.xx"),
        ),
        (
            _groove(kick="X.x.....X.x.....", snare=BACK, closed_hat="X.x.X.x.X.x.X.x."),
            _groove(
                kick="X.....x.X.x.....|X.....x..xx.....",
                snare="....X..g....X..g",
                closed_hat="X.o.X.o.X.o.X.o.",
            ),
        ),
        (
            _groove(kick="X.x...x.X.x...x.", snare=BACK, open_hat="X...X...X...X..."),
            _groove(
                kick="X.x....xX.x.....|X.x....x..x...x.",
                snare="....X..g.g..X..g",
                ride="X.x.X.x.X.x.X.x.",
            ),
        ),
    ),
    "folk": (
        (_groove(shaker="x.o.x.o.x.o.x.o."), _groove(kick="x.......x.......")),
        (
            _groove(
                kick="X.......X.......",
                side_stick="....x.......x...",
                shaker="x.oox.oox.oox.oo",
            ),
            _groove(
                kick="X.....o.X.......",
                snare="....o.......o.g.",
                shaker="x.o.X.o.x.o.X.o.",
            ),
        ),
        (
            _groove(
                kick="X.....x.X.....o.",
                snare="....x.g.....x.g.",
                closed_hat="x.o.x.o.x.o.x.o.",
                shaker="o.x.o.x.o.x.o.x.",
            ),
        ),
    ),
    "ballad": (
        (
            _groove(kick="x...............", closed_hat="x...o...x...o..."),
            _groove(kick="x.......x.......", side_stick="............x..."),
        ),
        (
            _groove(
                kick="X.........x.....",
                side_stick="....x.......x...",
                closed_hat="x.o.x.o.x.o.x.o.",
            ),
            _groove(
                kick="X......xx.......",
                snare="....x.......x...",
                closed_hat="x.o.x.o.x.o.x.o.",
            ),
        ),
        (
            _groove(
                kick="X......xX.x.....",
                snare="....X..g....X..g",
                ride="X.o.x.o.X.o.x.o.",
            ),
        ),
    ),
    "lofi": (
        (_groove(kick="x.........x.....", closed_hat="x.o.x.o.x.o.x.o."),),
        (
            _groove(
                kick="X..x......x.....|X..x.....xx.....",
                snare="....X..g....X...",
                closed_hat="x.o.x.oox.o.x.o.",
            ),
            _groove(
                kick="X......x..x.....",
                side_stick="....X.......X..o",
                closed_hat="x.o.x.o.xoo.x.o.",
                shaker="..o...o...o...o.",
            ),
        ),
        (
            _groove(
                kick="X..x...x..x.....|X..x......x..x..",
                snare="....X..g.g..X..g",
                closed_hat="x.o.x.oox.o.x.oo",
                open_hat="..............o.",
            ),
        ),
    ),
    "hiphop": (
        (_groove(kick="X.........x.....", closed_hat="x.x.x.x.x.x.x.x."),),
        (
            _groove(
                kick="X..x..x...x.....|X..x....x.x.....",
                snare=BACK,
                closed_hat="X.o.X.o.X.o.X.o.",
            ),
            _groove(
                kick="X......x..xx....",
                snare="....X..g....X..g",
                clap="............X...",
                closed_hat="X.o.x.ooX.o.x.o.",
            ),
        ),
        (
            _groove(
                kick="X..x..xx..x.....|X..x..x..xx..x..",
                snare="....X..g.g..X..g",
                clap=BACK,
                closed_hat="X.o.X.ooX.o.X.oo",
                open_hat="......x.........",
            ),
        ),
    ),
    "trap": (
        (_groove(kick="X...............|X.....x.........", closed_hat="x...x...x...x..."),),
        (
            _groove(
                kick="X.....x.........|X.....x...x.....",
                clap="........X.......",
                closed_hat="x.x.x.x.x.x.x.xx",
            ),
            _groove(
                kick="X..x......x.....|X..x..........x.",
                snare="........X.......",
                closed_hat="x.x.x.xxx.x.x.x.",
            ),
        ),
        (
            _groove(
                kick="X.....x...x..x..|X..x..x.......x.",
                clap="........X.......",
                snare="........X......g",
                closed_hat="x.x.xxx.x.x.x.xx",
                open_hat="..........x.....",
            ),
        ),
    ),
    "house": (
        (_groove(closed_hat=OFFBEAT, shaker="o.x.o.x.o.x.o.x."), _groove(kick=FLOOR)),
        (
            _groove(kick=FLOOR, clap=BACK, open_hat=OFFBEAT),
            _groove(kick=FLOOR, clap=BACK, closed_hat="o.Xoo.Xoo.Xoo.Xo"),
        ),
        (
            _groove(
                kick=FLOOR,
                clap=BACK,
                open_hat=OFFBEAT,
                closed_hat="xo.oxo.oxo.oxo.o",
                shaker="o.o.o.o.o.o.o.o.",
            ),
            _groove(
                kick=FLOOR,
                clap=BACK,
                snare=".......o.o......|.......o.o...o.o",
                open_hat=OFFBEAT,
                ride="x...x...x...x...",
            ),
        ),
    ),
    "techno": (
        (_groove(closed_hat=OFFBEAT), _groove(kick=FLOOR)),
        (
            _groove(kick=FLOOR, closed_hat=OFFBEAT, side_stick="...x..x....x..x."),
            _groove(kick=FLOOR, closed_hat="o.X.o.X.o.X.o.X.", clap=BACK),
        ),
        (
            _groove(
                kick=FLOOR,
                open_hat=OFFBEAT,
                closed_hat="xo.oxo.oxo.oxo.o",
                clap=BACK,
                low_tom="...x......x..x..",
            ),
            _groove(
                kick=FLOOR,
                open_hat=OFFBEAT,
                ride="x.x.x.x.x.x.x.x.",
                side_stick="..x..x..x..x..x.",
            ),
        ),
    ),
    "drum_and_bass": (
        (_groove(kick="X...............", closed_hat="x.x.x.x.x.x.x.x."),),
        (
            _groove(kick="X.........x.....", snare=BACK, closed_hat="X.o.x.o.X.o.x.o."),
            _groove(
                kick="X.........x.....|X.x.......x.....",
                snare="....X..g.g..X...",
                ride="X...x...X...x...",
                closed_hat="..o...o...o...o.",
            ),
        ),
        (
            _groove(
                kick="X.x.......x.....|X.x.......x...x.",
                snare="....X..g.g..X..g",
                closed_hat="X.o.x.o.X.o.x.o.",
                open_hat="..............x.",
            ),
        ),
    ),
    "synthwave": (
        (
            _groove(kick="X.......X.......", closed_hat="x.o.x.o.x.o.x.o."),
            _groove(kick=FLOOR),
        ),
        (
            _groove(kick=FLOOR, snare=BACK, closed_hat="XoxoXoxoXoxoXoxo"),
            _groove(kick="X.......X.x.....", snare=BACK, closed_hat=EIGHTHS),
        ),
        (
            _groove(
                kick=FLOOR,
                snare=BACK,
                clap=BACK,
                closed_hat="XoxoXoxoXoxoXoxo",
                open_hat="..............x.",
            ),
            _groove(kick="X..x..x.X..x..x.", snare=BACK, ride=EIGHTHS),
        ),
    ),
    "funk": (
        (_groove(kick="X.........x.....", closed_hat="x.oox.oox.oox.oo"),),
        (
            _groove(
                kick="X.....x..x......|X..x..x...x.....",
                snare="....X..g.g..X..g",
                closed_hat="XoxoXoxoXoxoXoxo",
            ),
            _groove(
                kick="X.x.......x..x..|X.x....x..x.....",
                snare="....X..g.g.gX..g",
                closed_hat="X.x.X.x.X.x.X.x.",
            ),
        ),
        (
            _groove(
                kick="X..x..x..xx..x..|X..x..x...x...x.",
                snare=".g..X..g.g.gX.g.",
                closed_hat="XoxoX.xoXoxoXoxo",
                open_hat="......x.........",
            ),
        ),
    ),
    "disco": (
        (_groove(kick=FLOOR, closed_hat="..x...x...x...x."),),
        (
            _groove(kick=FLOOR, snare=BACK, open_hat=OFFBEAT),
            _groove(kick=FLOOR, snare=BACK, closed_hat="x.oox.oox.oox.oo"),
        ),
        (
            _groove(
                kick=FLOOR,
                snare="....X..g....X.g.",
                clap=BACK,
                open_hat=OFFBEAT,
                closed_hat="xo.oxo.oxo.oxo.o",
            ),
        ),
    ),
    "reggae": (
        (
            _groove(closed_hat="x.o.x.o.x.o.x.o."),
            _groove(side_stick="........X......."),
        ),
        (
            _groove(
                kick="........X.......",
                side_stick="........X.......",
                closed_hat="X.o.X.o.X.o.X.o.",
            ),
            _groove(
                kick="........X.......",
                side_stick="........X..o..x.|...x....X.......",
                closed_hat="..X...X...X...X.",
            ),
        ),
        (
            _groove(
                kick=FLOOR,
                snare="........X.......",
                closed_hat="X.o.X.o.X.o.X.oo",
                open_hat="..............x.",
            ),
        ),
    ),
    "jazz_swing": (
        (
            _groove(closed_hat="...x.....x..", ride="x.....x....."),
            _groove(ride="x..x..x..x..", closed_hat="...o.....o.."),
        ),
        (
            _groove(ride="x..X.ox..X.o", closed_hat="...x.....x..", kick="g..g..g..g.."),
            _groove(
                ride="x..X.ox..X.o",
                closed_hat="...x.....x..",
                snare="..........g.|.....g......",
                kick="g.....g....o",
            ),
        ),
        (
            _groove(
                ride="X..X.ox..X.o",
                closed_hat="...x.....x..",
                snare="..g..g..o..g|.....o..g...",
                kick="o..g.xg..g..|g..g..g..x..",
            ),
        ),
    ),
    "bossa": (
        (_groove(closed_hat="x.o.x.o.x.o.x.o."), _groove(shaker="x.oox.oox.oox.oo")),
        (
            _groove(
                kick="X.....x.X.....x.",
                side_stick="x.....x.....x...|....x.....x.....",
                closed_hat="x.o.x.o.x.o.x.o.",
            ),
            _groove(
                kick="X.....o.X.....o.",
                side_stick="x.....x.....x...|....x.....x.....",
                shaker="x.o.x.o.x.o.x.o.",
            ),
        ),
        (
            _groove(
                kick="X.....x.X.....x.",
                side_stick="X.....x.....x...|....X.....x...x.",
                ride="x.o.x.o.x.o.x.o.",
                shaker="..x...x...x...x.",
            ),
        ),
    ),
    "cinematic": (
        (_groove(low_tom="x..............."), _groove(kick="X...............")),
        (
            _groove(kick="X...............", low_tom="X.....x.x.....x."),
            _groove(
                kick="X.......x.......",
                low_tom="x..x..x.x..x..x.",
                mid_tom="............x.x.",
            ),
        ),
        (
            _groove(
                kick="X.......X.......",
                low_tom="X..x..x.X..x..x.",
                mid_tom="..........x...x.",
                snare="....x.......X...",
            ),
            _groove(
                kick="X.....X.X.....X.",
                low_tom="XoxoXoxoXoxoXoxo",
                snare="............X...",
            ),
        ),
    ),
    "waltz": (
        (_groove(kick="x...............", closed_hat="....o...o...o..."),),
        (
            _groove(
                kick="X...............",
                snare="....o...o...o...",
                closed_hat="....x...x...x...",
            ),
            _groove(
                kick="X...............",
                side_stick="....x...x...x...",
                ride="x...x...x...x.o.",
            ),
        ),
        (
            _groove(
                kick="X.............o.",
                snare="....x...x...x.g.",
                ride="X...x.o.x...x.o.",
            ),
        ),
    ),
    "blues": (
        (_groove(kick="x.....x.....", closed_hat="x..x..x..x.."),),
        (
            _groove(kick="X.....X.....", snare="...X.....X..", closed_hat="X.oX.oX.oX.o"),
            _groove(
                kick="X....xX.....|X....xX....x",
                snare="...X.....X.g",
                ride="X.oX.oX.oX.o",
            ),
        ),
        (
            _groove(kick="X.xX.xX.xX.x", snare="...X.g...X.g", ride="X.xX.xX.xX.x"),
            _groove(kick="X....xX....x", snare="..gX..g.gX.g", closed_hat="X.xX.xX.xX.x"),
        ),
    ),
    "country": (
        (_groove(kick="X.......X.......", side_stick="....x.......x..."),),
        (
            _groove(kick="X.......X.......", snare="ogxgogxgogxgogxg"),
            _groove(
                kick="X.......X.....x.",
                side_stick="....X.......X...",
                closed_hat="x.o.x.o.x.o.x.o.",
            ),
        ),
        (
            _groove(
                kick="X.....x.X.......",
                snare="....X.......X..g",
                closed_hat="X.x.X.x.X.x.X.x.",
            ),
        ),
    ),
    "soul": (
        (
            _groove(
                kick="X.........x.....",
                side_stick="....x.......x...",
                closed_hat="x.o.x.o.x.o.x.o.",
            ),
        ),
        (
            _groove(
                kick="X.......X.x.....|X..x....X.x.....",
                snare="X...X...X...X...",
                closed_hat="x.o.x.o.x.o.x.o.",
            ),
            _groove(kick="X......x..x.....", snare="....X..g.g..X...", closed_hat=EIGHTHS),
        ),
        (
            _groove(
                kick="X.x....xX.x.....",
                snare="....X..g.g..X..g",
                closed_hat=EIGHTHS,
                shaker="xoxoxoxoxoxoxoxo",
            ),
        ),
    ),
    "celtic": (
        (_groove(low_tom="x.......x......."), _groove(shaker="x.o.x.o.x.o.x.o.")),
        (
            _groove(low_tom="X.o.x.o.X.o.x.oo", kick="x.......x......."),
            _groove(low_tom="X..ox.o.X..ox.o.", shaker="..x...x...x...x."),
        ),
        (
            _groove(
                kick="X.......X.....x.",
                low_tom="X.ooX.ooX.ooX.oo",
                snare="....x.......x...",
            ),
        ),
    ),
    "ambient": (
        (_groove(shaker="o...o...o...o..."), _groove(kick="x...............")),
        (
            _groove(
                kick="x.........o.....",
                closed_hat="..o...o...o...o.",
                side_stick="............o...",
            ),
            _groove(kick="x...............", ride="x.......o......."),
        ),
        (
            _groove(
                kick="X.........x.....",
                side_stick="....x.......x...",
                closed_hat="x.o.x.o.x.o.x.o.",
            ),
        ),
    ),
}
