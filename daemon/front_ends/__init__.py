"""The ways a request can reach the daemon."""
