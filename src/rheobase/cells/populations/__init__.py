"""Populations of cells: every model under every stimulus, in chunks of lanes, on disk."""
