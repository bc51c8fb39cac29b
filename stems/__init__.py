"""Stems that add up to the mix, and the files they are delivered in."""
