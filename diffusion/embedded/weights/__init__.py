"""Trained weights and what is known about them; data only."""
