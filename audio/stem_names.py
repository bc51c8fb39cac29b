"""The four stems, in the order in which they are listed everywhere, and which can lead."""

STEMS: tuple[str, ...] = ("drums", "bass", "melody", "vocals")
LEADS: tuple[str, ...] = ("melody", "vocals")  # the stems that can carry the melody
