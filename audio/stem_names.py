"""The four stems, in the order in which they are listed everywhere."""

STEMS: tuple[str, ...] = ("drums", "bass", "melody", "vocals")
