"""Taking a mix apart into stems. What demucs calls "other" is our "melody": said here, once."""
