"""Samples changed by chance while a network trains."""
