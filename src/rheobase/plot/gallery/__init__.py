"""Every neuron in pictures, made from its declaration: response, phase plane, f-I curve, firing patterns."""

from __future__ import annotations

from rheobase.plot.gallery.fi_curve import FICurve, fi_curve
from rheobase.plot.gallery.phase import PhasePlane, phase_plane
from rheobase.plot.gallery.portrait import Portrait

__all__ = ["FICurve", "PhasePlane", "Portrait", "fi_curve", "phase_plane"]
