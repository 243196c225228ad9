"""Convolutional Spiking-based GRU Cell for Spatio-temporal Data (Abdennadher, Cicciarella & Rossi, 2025)."""

from __future__ import annotations

from rheobase.reproduce.cs_gru import cell, headlines, mnist, search, speech
from rheobase.reproduce.paper import Paper

PAPER = Paper(
    name="cs-gru",
    title="Convolutional spiking GRU",
    reference="Abdennadher, Cicciarella & Rossi, Convolutional Spiking-based GRU Cell for Spatio-temporal Data, "
    "arXiv 2510.25696 (2025)",
    parts=(cell.PART, mnist.PART, speech.PART),
    searches=search.SEARCHES,
    headlines=headlines.HEADLINES,
    opening=headlines.OPENING,
)
