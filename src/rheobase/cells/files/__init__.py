"""Readers of morphology files: SWC and Neurolucida."""
