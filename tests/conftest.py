"""For all tests: programs they start can be stopped by Ctrl-C wherever the tests run."""

from __future__ import annotations

import signal

# A shell that starts the tests in the background has them ignore SIGINT, and what they start would
# inherit that; a handler of our own is not inherited, so children begin with the default.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
