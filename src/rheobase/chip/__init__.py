"""Neuromorphic chips in software."""

from __future__ import annotations

from rheobase.chip import truenorth
from rheobase.chip.truenorth import TrueNorth

__all__ = ["TrueNorth", "truenorth"]
