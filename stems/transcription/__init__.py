"""Notes and drum strokes transcribed from a stem's sound."""
