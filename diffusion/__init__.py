"""Engines: musical intent in, sound out, behind one seam."""
