"""Mutated packets and MIDI files: no foreign exception, and what each costs."""

from __future__ import annotations

import random
import struct
import time

from midi.errors import MidiError
from midi.grid import Grid
from midi.melody import read_melody
from osc_protocol.codec import decode, encode
from osc_protocol.errors import ProtocolError
from osc_protocol.grammar import is_ping, read_command
from tests.torture.figures import Figure, Scale

NOTES = " ".join(f"{48 + n % 24}:{n / 4:g}:0.25" for n in range(580))
SEEDS = (
    encode("/ping", "sif", ("here", 7, 0.5)),
    encode("/backline/hello", "sssi", ("h1", "fuzz", "port", 9902)),
    encode("/backline/notify", "sisssi", ("n1", 1, "style", "both", "lease", 60)),
    encode("/backline/generate", "sfsfs", ("g1", 92.0, "A minor", 10.0, "dub, warm bass")),
    encode("/backline/generate", "ssfsssiss", (
        "g2", "bpm", 92.0, "key", "Am", "bars", 32_000, "notes", NOTES)),
    encode("/backline/generate", "ssfssssss", (
        "g3", "bpm", 92.0, "key", "Am", "tempo-map", "0:92:ramp 16:120", "meter-map", "1:7/8")),
    encode("/backline/generate", "ssfssss", (
        "g4", "bpm", 92.0, "key", "Am", "tags", "lofi [0:00] soft [0:15] loud, 90 BPM")),
    encode("/backline/split", "ssss", ("s1", "/tmp/a.wav", "stems", "drums,bass")),
    encode("/backline/cancel", "ss", ("c1", "g1")),
    encode("/backline/jobs", "sii", ("l1", 0, 20)),
    encode("/backline/job", "sd", ("j1", 1e30)),
    encode("/backline/replay", "sii", ("r1", 0, 0)),
    encode("/backline/draft/bpm", "f", (92.0,)),
    encode("/backline/ack", "i", (7,)),
)  # fmt: skip
MELODY = (
    b"MThd" + struct.pack(">IHHH", 6, 0, 1, 480) + b"MTrk" + struct.pack(">I", 12)
    + b"\x00\x90\x3c\x64\x60\x80\x3c\x00\x00\xff\x2f\x00"
)  # fmt: skip
WAYS = 6


def mutated(chance: random.Random, seeds: tuple[bytes, ...]) -> bytes:
    """Change a packet in one of several ways, once or a few times."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(WAYS):
            case 0:
                data[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del data[at : at + chance.randint(1, 8)]
            case 2:
                data[at:at] = chance.randbytes(chance.randint(1, 8))
            case 3:
                other = chance.choice(seeds)
                data[at:] = other[chance.randrange(len(other)) :]
            case 4:
                data[at : at + 4] = chance.choice((b"\xff" * 4, b"\x7f\xff\xff\xff", bytes(4)))
            case 5:
                data[:] = bundle(bytes(data), *chance.choices(seeds, k=chance.randint(0, 5)))
    return bytes(data[:65_507])


def bundle(*messages: bytes) -> bytes:
    body = b"".join(struct.pack(">i", len(each)) + each for each in messages)
    return b"#bundle\0" + bytes(8) + body


def cpu_ms(packet: bytes) -> float:
    """Milliseconds of CPU that the receiving thread pays for a packet that is in order."""
    began = time.thread_time()
    all(map(is_ping, decode(packet)))
    return (time.thread_time() - began) * 1e3


def run(scale: Scale) -> list[Figure]:
    chance = scale.chance("packets")
    count = scale.count(20_000, 1_000_000)
    foreign, receiving_ms = 0, 0.0
    for _ in range(count):
        packet = mutated(chance, SEEDS)
        began = time.thread_time()
        try:
            commands = decode(packet)
            all(map(is_ping, commands))
        except ProtocolError:
            commands = ()
        except Exception:
            foreign += 1
            commands = ()
        receiving_ms = max(receiving_ms, (time.thread_time() - began) * 1e3)
        for command in commands:
            try:
                read_command(command)
            except ProtocolError:
                pass
            except Exception:
                foreign += 1
    # What reads are cheap alone may not be 64 at a time; each is the worst of its kind.
    bundles = [bundle(*[seed] * min(64, 65_000 // (len(seed) + 4))) for seed in SEEDS]
    worst_bundle_ms = max(min(cpu_ms(one) for _ in range(3)) for one in bundles)
    grid, midi_count = Grid.constant(120, bars=8), scale.count(5_000, 100_000)
    for _ in range(midi_count):
        try:
            read_melody(mutated(chance, (MELODY,)), grid)
        except (MidiError, ProtocolError):
            pass
        except Exception:
            foreign += 1
    return [
        Figure(
            f"foreign exceptions of {count} packets and {midi_count} MIDI files", foreign, "", 0
        ),
        Figure("most CPU of a packet on the receiving thread", receiving_ms, "ms", 2.0),
        Figure("most CPU of a bundle of 64 there", worst_bundle_ms, "ms", 10.0),
    ]
