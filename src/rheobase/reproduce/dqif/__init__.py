"""Discretized quadratic integrate-and-fire neurons (Jahns, Moreno, Stojkov & Kinsy, 2025)."""

from __future__ import annotations

from rheobase.reproduce.dqif import accuracy, headlines, mismatch, potential, search, stability
from rheobase.reproduce.paper import Paper

PAPER = Paper(
    name="dqif",
    title="Discretized quadratic integrate-and-fire neuron",
    reference="Jahns, Moreno, Stojkov & Kinsy, Discretized Quadratic Integrate-and-Fire Neuron Model for Deep Spiking "
    "Neural Networks, arXiv 2510.05168 (2025)",
    parts=(stability.PART, potential.PART, mismatch.PART, accuracy.PART),
    searches=search.SEARCHES,
    headlines=headlines.HEADLINES,
    opening=headlines.OPENING,
)
