"""A sheet of images with a line of text below each."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.figure import Figure
from torch import Tensor

from rheobase.errors import InputError, ShapeError
from rheobase.plot.style import LIGHT, TICK, WIDTH, Style, new_figure
from rheobase.plot.time_axis import array

_COLUMNS = 6


def samples(images: Tensor, captions: Sequence[str], *, style: Style = LIGHT) -> Figure:
    """Grey images, six in a row, each with its caption.

    Shapes: images (n, height, width), in [0, 1].

    Raises: `ShapeError` for another shape, or another number of captions; `InputError` for other values.

    >>> import torch
    >>> len(samples(torch.rand(2, 8, 8), ["a four", "a nine"]).axes)
    6
    """
    pixels = array("samples", "images", images, ("n", "height", "width"))
    if len(captions) != len(pixels):
        given = f"{len(pixels)} images and {len(captions)} captions"
        raise ShapeError("samples", given, "one caption for each image", "pass as many of both")
    # means of resized images may round beyond the ends
    if not ((pixels >= -1e-5) & (pixels <= 1 + 1e-5)).all():
        given = f"images with values from {pixels.min():g} to {pixels.max():g}"
        raise InputError("samples", given, "values in [0, 1]", "x / 255 for bytes")
    rows = math.ceil(len(pixels) / _COLUMNS)
    figure = new_figure(WIDTH, 0.1 + 1.5 * rows, style)
    axes = figure.subplots(rows, _COLUMNS, squeeze=False).flat
    for k, ax in enumerate(axes):
        ax.set_axis_off()
        if k < len(pixels):
            ax.imshow(pixels[k], cmap=style.ramp(style.ink), vmin=0, vmax=1, interpolation="nearest")
            ax.set_title(captions[k], fontsize=TICK, color=style.ink, y=-0.02, va="top", pad=0)
    return figure
