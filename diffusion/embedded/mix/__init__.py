"""The bus at the end of the embedded engine: levels, room, width, compression and limiting."""
