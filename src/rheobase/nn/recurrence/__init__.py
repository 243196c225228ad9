"""Layers whose output comes back to them: lateral weights, with delays too, and gated cells."""
