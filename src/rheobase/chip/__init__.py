"""Neuromorphic chips in software."""

from __future__ import annotations

from rheobase.chip import loihi, truenorth
from rheobase.chip.loihi import Loihi
from rheobase.chip.truenorth import TrueNorth

__all__ = ["Loihi", "TrueNorth", "loihi", "truenorth"]
