"""Pictures and pages. Every picture is a matplotlib `Figure` that belongs to nobody but the caller."""

from __future__ import annotations

from rheobase.plot.confusion import confusion
from rheobase.plot.learning_curve import learning_curve
from rheobase.plot.membranes import membranes
from rheobase.plot.raster import Panel, raster
from rheobase.plot.report import Picture, Report
from rheobase.plot.response import response
from rheobase.plot.samples import samples
from rheobase.plot.style import DARK, LIGHT, Style, check_picture_path, png, save

__all__ = [
    "DARK",
    "LIGHT",
    "Panel",
    "Picture",
    "Report",
    "Style",
    "check_picture_path",
    "confusion",
    "learning_curve",
    "membranes",
    "png",
    "raster",
    "response",
    "samples",
    "save",
]
