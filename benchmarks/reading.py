"""CPU time of reading and checking a request to generate: python -m benchmarks.reading [--json].

Decodes the datagram, reads the command and checks it whole, as the front end does for each one:
`short` is what `oscsend` sends by position, `usual` has three keys after that, `full` names every
key that the embedded engine takes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Sequence

from osc_protocol.codec import decode, encode
from osc_protocol.grammar import read_command

ROUNDS, REPEATS = 9, 400
SHORT = (("f", 92.0), ("s", "A minor"), ("f", 10.0), ("s", "dub techno, warm bass"))
USUAL: tuple[tuple[str, str, object], ...] = (
    ("bars", "i", 16), ("seed", "i", 7), ("meter", "s", "7/8"),
)  # fmt: skip
FULL: tuple[tuple[str, str, object], ...] = (
    ("bpm", "f", 92.5), ("key", "s", "A minor"), ("tags", "s", "dub techno, warm bass"),
    ("bars", "i", 16), ("meter", "s", "7/8"), ("lyrics", "s", "la la"), ("seed", "i", 7),
    ("stems", "s", "drums,bass"), ("takes", "i", 3), ("best", "i", 1), ("gate", "s", "on"),
    ("retries", "i", 3), ("conform", "s", "off"), ("transpose", "i", 1), ("loudness", "f", -14.0),
    ("engine", "s", "embedded"), ("sample-rate", "i", 44_100), ("format", "s", "flac"),
    ("lead", "s", "vocals"), ("melody-strength", "f", 0.7), ("at-seconds", "d", 300.123456789),
    ("sections", "s", "1-8: intro, soft pads 9-16: chorus, loud"),
    ("intensity", "s", "0:0.2 16:0.8"), ("project", "s", "My song"),
)  # fmt: skip


def request(
    by_position: Sequence[tuple[str, object]], keys: Sequence[tuple[str, str, object]]
) -> bytes:
    """Return the datagram of a request with these values by position, and then these keys."""
    tags = "s" + "".join(tag for tag, _ in by_position) + "".join("s" + tag for _, tag, _ in keys)
    values = [value for _, value in by_position]
    values += [part for name, _, value in keys for part in (name, value)]
    return encode("/backline/generate", tags, ("take1", *values))


def cpu_microseconds(datagram: bytes) -> float:
    """Return the median over rounds of the CPU time that one datagram takes."""

    def once() -> None:
        (osc,) = decode(datagram)
        read_command(osc)

    once()
    rounds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(REPEATS):
            once()
        rounds.append((time.process_time() - began) / REPEATS * 1e6)
    return statistics.median(rounds)


def main() -> None:
    """Measure both and print them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reading", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    as_json = parser.parse_args().json
    by_position = (
        *SHORT[:2],
        ("f", 0.0),
        SHORT[3],
    )  # a length in seconds and bars exclude each other
    found = {
        "short_us": cpu_microseconds(request(SHORT, ())),
        "usual_us": cpu_microseconds(request(by_position, USUAL)),
        "full_us": cpu_microseconds(request((), FULL)),
    }
    rounded = {name: round(value, 1) for name, value in found.items()}
    print(json.dumps(rounded) if as_json else "\n".join(f"{n}: {v}" for n, v in rounded.items()))


if __name__ == "__main__":
    main()
