"""ACE-Step 1.5: its networks, conditioned on bars, key, words and a melody."""
