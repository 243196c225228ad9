"""One unit of a population: some models under some stimuli, run in segments that are written as they come."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rheobase.cells.cell import Cell
from rheobase.cells.divergence import Divergence, astray, divergences, place_of
from rheobase.cells.implausible import Extreme, extremes
from rheobase.cells.populations import traces
from rheobase.cells.populations.layout import Layout
from rheobase.errors import CheckpointError, StorageError
from rheobase.stimuli import Stimulus

Make = Callable[[list[str]], Cell]


def simulate(
    folder: str,
    make: Make,
    models: Sequence[str],
    stimuli: Sequence[Stimulus],
    first: tuple[int, int],
    layout: dict[str, Any],
    record: Sequence[str],
    dtype: str,
    threads: int | None,
) -> dict[str, Any]:
    """Run the cells that `make(models)` gives under each stimulus; traces go to disk.

    Returns when each lane fired (`step`, `model`, `stimulus`, counted in the population), which lanes diverged, and
    which others had a potential that no cell has: [model, stimulus, time in ms, place, potential].

    Raises: `StorageError` where the disk has no room for the unit.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(before if threads is None else threads)
    try:
        return _simulate(Path(folder), make(list(models)), stimuli, first, Layout.from_json(layout), record, dtype)
    finally:
        torch.set_num_threads(before)


def _simulate(
    folder: Path,
    cell: Cell,
    stimuli: Sequence[Stimulus],
    first: tuple[int, int],
    layout: Layout,
    record: Sequence[str],
    dtype: str,
) -> dict[str, Any]:
    group = traces.open_group(folder, "r+")
    if group is None:
        raise CheckpointError(str(folder), "no arrays of a population", "those that were made first", "begin again")
    size = sum(int(np.prod(group[name].shape[2:])) for name in record) * group[record[0]].dtype.itemsize
    _check_space(folder, size * cell.shape[0] * len(stimuli))
    at = tuple(slice(start, start + n) for start, n in zip(first, (cell.shape[0], len(stimuli)), strict=True))
    kind = getattr(torch, dtype)
    currents = torch.stack([one.in_steps(layout.steps, cell.dt).to(kind) for one in stimuli], 1)  # (steps, stimuli)
    port = next(iter(cell.ports))
    state, fired, bad = cell.rest(len(stimuli), dtype=kind), list[np.ndarray](), list[list[Any]]()
    far: dict[tuple[int, ...], Extreme] = {}
    for start, stop in layout.segments:
        given = {port: currents[start:stop, :, None].expand(-1, -1, cell.shape[0]).contiguous()}
        with torch.no_grad():
            spikes, end, found, farthest = cell.run(given, state, record=record, every=layout.every)
        fired.append((spikes.nonzero() + torch.tensor([start, first[1], first[0]])).numpy())
        if bool(astray(end.v).any()):
            bad += [_row(cell, one, first) for one in divergences(cell, given, state, start=start)]
        far |= extremes(cell, given, state, farthest, far, start)
        when = slice(start // layout.every, stop // layout.every)
        for name, x in found.items():
            # (time, [compartments], stimuli, models)
            block = x.movedim(0, -1).movedim((-2, -3), (0, 1)).numpy()
            traces.write(group, folder, name, (*at, *([slice(None)] * (block.ndim - 3)), when), block)
        state = end
    extreme = [_row(cell, one, first) for one in far.values()]
    diverged_lanes = [row[:2] for row in bad]
    step, stimulus, model = np.concatenate(fired).T
    order = np.lexsort((step, stimulus, model))
    return {
        "step": step[order],
        "model": model[order].astype(np.int32),
        "stimulus": stimulus[order].astype(np.int32),
        "diverged": bad,
        "implausible": [row for row in extreme if row[:2] not in diverged_lanes],
    }


def _row(cell: Cell, one: Divergence | Extreme, first: tuple[int, int]) -> list[Any]:
    """[model, stimulus, time in ms, place, potential], JSON values."""
    stimulus, model = one.lane
    place, ms = place_of(cell, one.node), (one.step + 1) * cell.dt
    return [first[0] + model, first[1] + stimulus, ms, place, str(one.v)]


def _check_space(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size:
        given, expected = f"{free / 1e6:.3g} MB of free space", f"{size / 1e6:.3g} MB, which the next unit may take"
        raise StorageError(str(folder), given, expected, "free space there, or choose another folder")


__all__ = ["Make", "simulate"]
