"""Trained weights of the embedded splitter; data only."""
