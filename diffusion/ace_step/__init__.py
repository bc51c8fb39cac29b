"""ACE-Step 1.5: its networks run as they ought to, told bars, key, words and a melody."""
