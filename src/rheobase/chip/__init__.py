"""Neuromorphic chips in software."""

from __future__ import annotations

from rheobase.chip import loihi
from rheobase.chip.loihi import Loihi

__all__ = ["Loihi", "loihi"]
