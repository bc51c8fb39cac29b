"""Stable Audio 3: its networks, conditioned on words, length, and a guide or a sound."""
