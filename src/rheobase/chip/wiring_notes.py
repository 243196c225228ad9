"""What a stored configuration needs to be run on samples: which axon an input is, which neuron an output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from rheobase.chip import loihi, truenorth
from rheobase.chip.array_file import format_of
from rheobase.chip.deployment import Deployed, check_spikes
from rheobase.chip.truenorth import AXONS, NEURONS
from rheobase.errors import DataError

KEY = "deployed"
KINDS = {"rheobase.truenorth": truenorth, "rheobase.loihi": loihi}  # formats of files, and what reads them
Axons = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True, eq=False)
class Wired:
    """A configuration with its wiring, as read from a file.

    n_inputs, inputs    how many inputs there are, and (input, core, axon) of every axon that the host feeds
    outputs, latency    (core, neuron) of the outputs, and ticks from an input to its output
    cores               how many cores each layer has, by name, with splitters
    facts               what else was kept: how samples become spikes, the certificate
    """

    net: Any
    n_inputs: int
    inputs: NDArray[np.int64]
    outputs: NDArray[np.int64]
    latency: int
    cores: dict[str, int]
    facts: dict[str, Any]

    def fed(self, x: Tensor) -> Axons:
        """(tick, core, axon) of the spikes of one sample, (time, inputs). Raises: `ShapeError`, `NotRepresentable`."""
        check_spikes(x, (self.n_inputs,), ("time", f"{self.n_inputs}"))
        return self.to_axons(*np.nonzero(x.cpu().numpy() != 0))

    def to_axons(self, tick: NDArray[np.int64], which: NDArray[np.int64]) -> Axons:
        """(tick, core, axon) of spikes of inputs, given as when and which, both (spikes,)."""
        order = np.argsort(self.inputs[:, 0], kind="stable")
        held = self.inputs[order]
        first, last = (np.searchsorted(held[:, 0], which, side) for side in ("left", "right"))
        many = last - first
        # each spike once for every axon of its input
        row = np.repeat(first, many) + np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
        return np.repeat(tick, many), held[row, 1], held[row, 2]


def save(deployed: Deployed, path: str | Path, facts: Mapping[str, Any] | None = None) -> None:
    """Write the configuration of a deployment with its wiring. Raises: `StorageError`."""
    kept = {
        "n_inputs": deployed.n_inputs,
        "inputs": deployed.mapped.inputs.tolist(),
        "outputs": deployed.mapped.outputs.tolist(),
        "latency": deployed.latency,
        "cores": deployed.mapped.cores,
        "facts": dict(facts or {}),
    }
    kind: Any = loihi if isinstance(deployed.net, loihi.Configuration) else truenorth
    kind.save(deployed.net, path, notes={KEY: kept})


def kind_of_file(path: str | Path) -> Any:
    """The module of the chip that a file has a configuration of. Raises: `DataError`."""
    name = format_of(path)
    if name not in KINDS:
        expected = f"a configuration of a chip ({' or '.join(KINDS)})"
        raise DataError(str(path), f"format {name!r}", expected, "rheobase deploy RUN writes one")
    return KINDS[name]


def sizes(net: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many axons and how many neurons each core of a configuration has, (cores,) both."""
    if isinstance(net, loihi.Configuration):
        return np.array([len(core.mantissa) for core in net.cores]), np.array([core.n for core in net.cores])
    return np.full(net.board.n_cores, AXONS), np.full(net.board.n_cores, NEURONS)


def load(path: str | Path) -> Wired | None:
    """The configuration of a deployment; None where a file holds a configuration alone. Raises: `DataError`."""
    kind = kind_of_file(path)
    kept = kind.notes(path).get(KEY)
    if kept is None:
        return None
    net = kind.load(path)
    try:
        inputs = np.array(kept["inputs"], np.int64).reshape(-1, 3)
        outputs = np.array(kept["outputs"], np.int64).reshape(-1, 2)
        found = Wired(net, int(kept["n_inputs"]), inputs, outputs, int(kept["latency"]), kept["cores"], kept["facts"])
    except (KeyError, TypeError, ValueError) as error:
        remedy = "deploy the run again"
        raise DataError(str(path), f"wiring that cannot be read ({error!r})", "that of a deployment", remedy) from error
    for name, table, of in (("inputs", inputs[:, 1:], 0), ("outputs", outputs, 1)):
        most = sizes(net)[of]
        core = np.clip(table[:, 0], 0, len(most) - 1)
        wrong = (table < 0).any(1) | (table[:, 0] >= len(most)) | (table[:, 1] >= most[core])
        if name == "inputs":
            wrong |= (inputs[:, 0] < 0) | (inputs[:, 0] >= found.n_inputs)
        if bool(wrong.any()):
            given = f"{name} that are not on the board"
            raise DataError(str(path), given, "the wiring of this configuration", "deploy the run again")
    return found
