"""Equations run on what is not numbers: the base of it, and the checker of units."""
