"""The service and the command line: front ends, durable queue, worker, the one pipeline."""

import os

# Threads of torch that wait for each other must not burn the time of those they wait for: with a
# DAW or anything else on the same cores 8 bars took 104 s of diffusion, and take 2.4 s like this.
# Read when torch is imported, which is later.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
