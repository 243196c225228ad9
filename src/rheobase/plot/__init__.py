"""Pictures and pages. Every picture is a matplotlib `Figure` outside pyplot: only the caller holds it."""

from __future__ import annotations

from rheobase.deprecated import moved
from rheobase.plot.animate import Movie, animate
from rheobase.plot.board import board
from rheobase.plot.cell import cell
from rheobase.plot.cell_animation import cell_animation
from rheobase.plot.cell_response import CellResponse, cell_response
from rheobase.plot.chip_map import chip_map
from rheobase.plot.confusion import confusion
from rheobase.plot.core_load import core_load
from rheobase.plot.dies import dies
from rheobase.plot.labelled_map import labelled_map
from rheobase.plot.learning_curve import learning_curve
from rheobase.plot.learning_rates import learning_rates
from rheobase.plot.population import population
from rheobase.plot.raster import Panel, raster
from rheobase.plot.report import Link, Picture, Rendered, Report, Section
from rheobase.plot.response import response
from rheobase.plot.samples import samples
from rheobase.plot.style import DARK, LIGHT, Style, check_picture_path, png, save
from rheobase.plot.table import Table
from rheobase.plot.traces import traces
from rheobase.plot.value_map import value_map

__all__ = [
    "DARK",
    "LIGHT",
    "CellResponse",
    "Link",
    "Movie",
    "Panel",
    "Picture",
    "Rendered",
    "Report",
    "Section",
    "Style",
    "Table",
    "animate",
    "board",
    "cell",
    "cell_animation",
    "cell_response",
    "check_picture_path",
    "chip_map",
    "confusion",
    "core_load",
    "dies",
    "labelled_map",
    "learning_curve",
    "learning_rates",
    "png",
    "population",
    "raster",
    "response",
    "samples",
    "save",
    "traces",
    "value_map",
]

__getattr__ = moved(__name__, {"membranes": "rheobase.plot.traces:traces"})
