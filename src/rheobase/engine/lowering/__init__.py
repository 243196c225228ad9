"""Graphs in the words of any target: each node as operations on vectors, and the elementary functions."""
