"""A cell in time: the picture of `cell`, painted anew for each frame."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from numpy.typing import ArrayLike
from PIL import Image
from torch import Tensor

from rheobase.cells import Compartments
from rheobase.checks import is_number, is_whole
from rheobase.errors import ParameterError
from rheobase.files import atomic_write, ensure_writable
from rheobase.plot.cell import CellPicture, of_compartments
from rheobase.plot.style import LIGHT, TICK, Style
from rheobase.progress import bar

_DPI = 110


def cell_animation(
    path: str | Path,
    compartments: Compartments,
    values: Tensor | ArrayLike,
    *,
    dt: float,
    label: str = "",
    title: str = "",
    plane: str = "xy",
    limits: tuple[float, float] | None = None,
    frames: int = 100,
    seconds: float = 5.0,
    style: Style = LIGHT,
) -> Path:
    """Write a GIF of a cell whose compartments take the colours of their values, one after the other in time.

    values    of compartments, or of all nodes, every dt ms; one scale for all times
    frames    pictures, evenly over the time; fewer where there are fewer times
    seconds   how long it runs before it begins again

    The others are those of `cell`. A bar on a terminal says how far it is; the file is written in one step, at the end.

    Shapes: values (time, compartments) or (time, nodes).

    Raises: `ParameterError` for another name than .gif, and as `cell`; `ShapeError`, `StorageError`.

    >>> import tempfile
    >>> from rheobase.cells import Compartments, Section
    >>> ball = Compartments.of([Section("soma", length=20, diameter=20)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = cell_animation(f"{folder}/v.gif", ball, [[-65.0], [-60.0]], dt=1.0, frames=2, label="v (mV)")
    ...     path.stat().st_size > 1000
    True
    """
    path = Path(path)
    if path.suffix.lower() != ".gif":
        raise ParameterError("cell_animation", f"file {str(path)!r}", "a name that ends in .gif", f"{path.stem}.gif")
    if not is_whole(frames, 1):
        raise ParameterError("cell_animation", f"frames={frames!r}", "a whole number from 1 on", "frames=100")
    for name, value in (("dt", dt), ("seconds", seconds)):
        if not is_number(value, above=0):
            raise ParameterError("cell_animation", f"{name}={value!r}", "a number above 0", f"{name}=0.1")
    shown = of_compartments(compartments, values, ("time", "compartments"))
    picture = CellPicture(compartments, title=title, plane=plane, style=style)
    picture.add_scale(shown, label=label, limits=limits, log=False)
    ensure_writable(path, "cell_animation")
    picture.figure.set_dpi(_DPI)
    clock = picture.ax.text(
        1.0, 0.0, "", transform=picture.ax.transAxes, ha="right", va="bottom", fontsize=TICK, color=style.ink
    )
    canvas = FigureCanvasAgg(picture.figure)
    at = np.unique(np.linspace(0, len(shown) - 1, min(frames, len(shown))).round().astype(int))
    images: list[Image.Image] = []
    with bar(transient=True) as progress:
        task = progress.add_task("frames", total=len(at), note="")
        for k in at:
            picture.paint(shown[k])
            clock.set_text(f"{k * dt:.4g} ms")
            canvas.draw()
            # the places are found; to look for them again takes as long as to draw
            picture.figure.set_layout_engine("none")
            images.append(Image.fromarray(np.array(canvas.buffer_rgba())[..., :3]).quantize(128))
            progress.advance(task)
    data = io.BytesIO()
    each = max(20, round(1000 * seconds / len(at)))
    images[0].save(data, "GIF", save_all=True, append_images=images[1:], duration=each, loop=0)
    atomic_write(path, data.getvalue())
    return path
