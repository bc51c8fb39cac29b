"""Fuzzing that is guided by coverage: python -m tests.torture.guided POINT [-runs=N] [-seed=N].

POINT is decoder, commands or midi. Needs atheris, which is not installed with backline
(`pip install atheris`; Linux). What libFuzzer prints says how many inputs were tried and how much
of the code they reached; a foreign exception ends it with the input that caused it.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["osc_protocol", "midi"]):
    from midi.errors import MidiError
    from midi.grid import Grid
    from midi.melody import read_melody
    from osc_protocol.codec import decode
    from osc_protocol.errors import ProtocolError
    from osc_protocol.grammar import read_command
    from tests.torture.packets import MELODY, SEEDS

MAX_BYTES = 4_096
GRID = Grid.constant(120, bars=8)


def decoder(data: bytes) -> None:
    try:
        decode(data)
    except ProtocolError:
        pass


def commands(data: bytes) -> None:
    try:
        found = decode(data)
    except ProtocolError:
        return
    for each in found:
        try:
            read_command(each)
        except ProtocolError:
            pass


def midi(data: bytes) -> None:
    try:
        read_melody(data, GRID)
    except (MidiError, ProtocolError):
        pass


POINTS: dict[str, tuple[Callable[[bytes], None], tuple[bytes, ...]]] = {
    "decoder": (decoder, SEEDS),
    "commands": (commands, SEEDS),
    "midi": (midi, (MELODY,)),
}


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in POINTS:
        sys.exit(f"POINT must be {', '.join(POINTS)}")
    point, seeds = POINTS[sys.argv[1]]
    with tempfile.TemporaryDirectory(prefix="backline-corpus-") as folder:
        for number, seed in enumerate(seeds):
            (Path(folder) / str(number)).write_bytes(seed)
        atheris.Setup([sys.argv[0], f"-max_len={MAX_BYTES}", *sys.argv[2:], folder], point)
        atheris.Fuzz()  # ends the process


if __name__ == "__main__":
    main()
