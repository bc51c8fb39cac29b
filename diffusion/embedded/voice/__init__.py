"""The singing voice of the embedded model: lyrics to phonemes, notes and phonemes to sound."""
