"""How a request becomes files: `generate` makes music, `split` takes a recording apart."""

from daemon.pipeline.generation import generate
from daemon.pipeline.split_job import split

__all__ = ["generate", "split"]
