"""Recurrent layers: lateral weights, with or without delays, and gated recurrent units."""
