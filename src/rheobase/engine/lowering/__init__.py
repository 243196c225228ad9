"""Lowers graphs for any target: each node as operations on vectors, and the elementary functions."""
