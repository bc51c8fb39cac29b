"""What a stem plays, heard from its sound: strokes, notes and voices."""
