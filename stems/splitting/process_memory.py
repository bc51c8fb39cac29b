"""How a process is set up for large networks on a CPU; to be done before torch is imported."""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress

# Parameters of glibc's mallopt(3), with its numbers for them. By default blocks go back to the
# system at once and come again as zeroed pages, which costs more than many a layer. The few largest
# still do: between two threads they would tear the heap to pieces that fit nothing.
_MALLOPT = {
    -3: 12 << 20,  # M_MMAP_THRESHOLD: smaller blocks stay on the heap
    -1: (1 << 31) - 1,  # M_TRIM_THRESHOLD: and the heap stays ours
    -2: 64 << 20,  # M_TOP_PAD: which grows in large steps
    -8: 1,  # M_ARENA_MAX: one heap for all threads, so that one takes what another gave back
}


def tune_process() -> None:
    """Keep freed memory for the next layer, and let waiting threads sleep instead of spin.

    The second has an effect only before torch is imported; spinning threads of torch, next to a
    DAW on the same cores, were seen to take several times as long. Both only where they are known.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            mallopt = ctypes.CDLL(None).mallopt
            for parameter, value in _MALLOPT.items():
                mallopt(parameter, value)


def give_back_memory() -> None:
    """Return to the system what tune_process() kept."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
