"""The pictures of many neurons as SVG, drawn in several processes where there are several cores."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch

from rheobase.core.declaration.population import Declared
from rheobase.current_clamp import membrane
from rheobase.plot.gallery.portrait import Portrait
from rheobase.plot.gallery.traces import spiking_curve, thinned
from rheobase.plot.style import LIGHT
from rheobase.plot.vector import adaptive_svg

FEW = 3  # neurons for which starting processes would take longer than drawing
BOX = (240, 56)  # of a thumbnail


@dataclass(frozen=True)
class Plate:
    """A picture in words and as SVG, for light and dark pages."""

    title: str
    caption: str
    alt: str
    image: bytes


@dataclass(frozen=True)
class Entry:
    """A neuron or a channel of the gallery: its pictures by name, and the path of its thumbnail."""

    kind: type[Declared]
    plates: dict[str, Plate]
    spark: str


def entries(kinds: Sequence[type[Declared]]) -> Iterator[Entry]:
    """Simulate and draw neurons, in their order, each as soon as it is ready.

    Raises `Diverged` for a neuron whose states become NaN or infinite.
    """
    workers = min(len(kinds), len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    if len(kinds) <= FEW or workers < 2:
        yield from map(entry, kinds)
        return
    # spawned and not forked: a forked child would inherit the threads of torch as if they ran
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _start)
    try:
        yield from pool.map(entry, kinds)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _start() -> None:
    """Begin a process that draws: one thread, and Ctrl-C is for the process that waits."""
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def entry(kind: type[Declared]) -> Entry:
    """One neuron, simulated and drawn."""
    portrait = Portrait.of(kind)
    plates = {
        name: Plate(picture.title, picture.caption, picture.alt, adaptive_svg(picture.draw(LIGHT)))
        for name, picture in portrait.pictures().items()
    }
    return Entry(kind, plates, _spark(portrait))


def _spark(portrait: Portrait) -> str:
    """The membrane's course as the path of an SVG."""
    return curve(*thinned(*spiking_curve(portrait.response, membrane(portrait.kind)), most=400))


def curve(x: np.ndarray, y: np.ndarray) -> str:
    """A curve as the path of an SVG in a box of `BOX`."""
    low, span = float(y.min()), float(np.ptp(y)) or 1.0
    across = 2 + (BOX[0] - 4) * (x - x[0]) / (x[-1] - x[0])
    up = BOX[1] - 3 - (BOX[1] - 6) * (y - low) / span
    return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(across, up, strict=True))
