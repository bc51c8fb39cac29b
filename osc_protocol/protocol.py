"""The protocol's own numbers: its version, its port, how large a whole number may be."""

PROTOCOL_MAJOR, PROTOCOL_MINOR = 1, 0
DEFAULT_PORT = 9787
MAX_INT = 2**31 - 1
MAX_SEED = 2**63 - 1
MAX_POSITION_SECONDS = 604_800  # a week: no project is longer
MAX_POSITION_BEATS = 10_000_000
