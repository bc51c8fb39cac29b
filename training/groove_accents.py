"""Count how hard drummers strike each drum at each place of a bar in 4/4.

    python -m training.groove_accents --source groove-v1.0.0-midionly.zip

Prints for the drums of diffusion/embedded/accents.py how many hits there are, the mean over
performances of the ratio between the velocity at each place and that drum's mean in the
performance, and the standard deviation of the single hits' ratios. The first bar's beats count
like all others; a place with fewer than FEWEST hits in a performance does not count there.
SOURCE as in training.grooves, of which the training split is read.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from diffusion.embedded.accents import ACCENTS, PLACES, place_of
from diffusion.embedded.latents import FRAMES_PER_BEAT
from midi.grid import Grid
from training.grooves import PIECES, Groove, felt, read

FEWEST = 4
METER = "4/4"
BAR_BEATS = 4.0
Counted = dict[tuple[str, int], list[np.ndarray]]


def counted(grooves: Iterable[Groove]) -> Counted:
    """Return by drum and place the ratios (n,) to the drum's mean, one array a performance."""
    grid = Grid.constant(120, METER, 1)
    found: Counted = defaultdict(list)
    for groove in grooves:
        if groove.meter != METER:
            continue
        beats = felt(groove.beats) / FRAMES_PER_BEAT % BAR_BEATS
        places = np.array([place_of(float(beat), grid, 0) for beat in beats])
        for drum in ACCENTS:
            struck = np.isin(groove.notes, PIECES.get(drum, ()))
            if not struck.any():
                continue
            ratios = groove.velocities / groove.velocities[struck].mean()
            for place in range(len(PLACES)):
                here = struck & (places == place)
                if here.sum() >= FEWEST:
                    found[drum, place].append(ratios[here])
    return found


def main() -> None:
    """Print a row for each drum: hits, and mean and deviation at each place."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--source", type=Path, required=True)
    found = counted(read(parser.parse_args().source))
    print(f"{'':12}{'hits':>8}" + "".join(f"{place:>14}" for place in PLACES))
    for drum in dict.fromkeys(drum for drum, _ in found):
        cells = [found.get((drum, place)) for place in range(len(PLACES))]
        hits = sum(len(each) for cell in cells for each in cell or ())
        shown = [
            f"{np.mean([e.mean() for e in cell]):.2f} +- {np.concatenate(cell).std():.2f}"
            if cell
            else "-"
            for cell in cells
        ]
        print(f"{drum:12}{hits:8}" + "".join(f"{each:>14}" for each in shown))


if __name__ == "__main__":
    main()
