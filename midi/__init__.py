"""Musical time and intent: Grid, Key, Melody; pure, knows no audio and no torch."""
