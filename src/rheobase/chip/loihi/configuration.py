"""What the cores of a Loihi chip hold: synapses by in-axon, registers of compartments, and where spikes go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rheobase.chip.loihi.compartment import BIAS, DECAY_ONE
from rheobase.chip.loihi.limits import DELAY_BITS, Core, Loihi
from rheobase.chip.loihi.scaling import THRESHOLD
from rheobase.errors import ParameterError, ShapeError

# registers of a compartment, and their ends
RANGES = {
    "decay_u": (0, DECAY_ONE),
    "decay_v": (0, DECAY_ONE),
    "vth_mant": (0, THRESHOLD),
    "bias_mant": (int(BIAS[0]), int(BIAS[1])),
    "refractory": (1, 64),
    "host": (0, 1),
}


@dataclass(frozen=True, eq=False, kw_only=True)
class CoreRegisters:
    """One core.

    Shapes: mantissa and delay (in-axons, compartments); a delay in steps, 0 is the step in which a spike arrives.
    decay_u, decay_v, vth_mant, bias_mant, refractory (steps from a spike to the next that may be, 1 to 64) and host (1:
    its spikes are read from outside) (compartments,). sends (spikes out, 3): compartment, core and in-axon.

    wait  the first step in which its compartments run; the host holds them at rest before, so that the layers of a
          sample begin when its first step reaches them
    """

    layer: int
    mantissa: NDArray[np.int16]
    weight_bits: int
    weight_exp: int
    delay: NDArray[np.uint8] | None
    decay_u: NDArray[np.int32]
    decay_v: NDArray[np.int32]
    vth_mant: NDArray[np.int32]
    bias_mant: NDArray[np.int32]
    bias_exp: int
    refractory: NDArray[np.int32]
    host: NDArray[np.int32]
    sends: NDArray[np.int32]
    wait: int = 0

    @property
    def n(self) -> int:
        """How many compartments it has."""
        return self.mantissa.shape[1]

    def load(self) -> Core:
        """How much of it is in use, for `Core.exceeded`."""
        there = self.mantissa != 0
        bits = self.weight_bits + (0 if self.delay is None else DELAY_BITS)
        return Core(
            layer=self.layer,
            start=0,
            stop=self.n,
            in_axons=int(there.any(1).sum()),
            out_axons=len(self.sends),
            synapse_bits=bits * int(there.sum()),
        )


@dataclass(frozen=True, eq=False, repr=False)
class Configuration:
    """A chip with what its cores hold; `place` is where each of them stands, 0 to `chip.cores - 1`.

    Raises: `ParameterError` for a register out of its range, a spike that goes to no in-axon, two cores at one place,
    and a limit of a core that is exceeded; `ShapeError`.

    >>> from rheobase.chip import loihi
    >>> from rheobase.nn import Linear, Sequential
    >>> layer = Linear(3, 2, bias=False)
    >>> layer.weight.data[:] = 10.0
    >>> net = loihi.programmed(Sequential(loihi.synapses(layer), loihi.Compartment(2)), (3,)).net
    >>> net
    <Loihi: 1 core of 128, 2 compartments, 6 synapses>
    """

    chip: Loihi
    cores: tuple[CoreRegisters, ...]
    place: NDArray[np.int64]

    def __post_init__(self) -> None:
        places, most = np.asarray(self.place), self.chip.cores
        if len(places) != len(self.cores) or len(set(places.tolist())) < len(places):
            raise ParameterError("loihi", f"places {places.tolist()}", "one for each core", "0, 1, 2, ...")
        if len(places) > most or bool(((places < 0) | (places >= most)).any()):
            given = f"{len(places)} cores at places up to {places.max(initial=0)}"
            raise ParameterError("loihi", given, f"no more than {most}, those of {self.chip}", "a smaller network")
        for k, core in enumerate(self.cores):
            self._check(k, core)

    def _check(self, k: int, core: CoreRegisters) -> None:
        owner = f"core {k}"
        for name, (low, high) in RANGES.items():
            values = getattr(core, name)
            if values.shape != (core.n,):
                raise ShapeError(owner, f"{name} of shape {values.shape}", f"({core.n},)", "one for each compartment")
            wrong = (values < low) | (values > high)
            if bool(wrong.any()):
                given = f"{name} = {values[wrong][0]}"
                raise ParameterError(owner, given, f"{low} to {high}", "a value that fits the register")
        if core.delay is not None and core.delay.shape != core.mantissa.shape:
            given = f"delay of shape {core.delay.shape}"
            raise ShapeError(owner, given, f"{core.mantissa.shape}", "one for each synapse")
        sends = core.sends
        if sends.ndim != 2 or sends.shape[1] != 3:
            raise ShapeError(owner, f"sends of shape {sends.shape}", "(spikes, 3)", "compartment, core, in-axon")
        axons = np.array([len(one.mantissa) for one in self.cores])
        known = (sends >= 0).all(1) & (sends[:, 0] < core.n) & (sends[:, 1] < len(axons))
        known &= sends[:, 2] < axons[np.where(known, sends[:, 1], 0)]
        if not bool(known.all()):
            given = f"a spike to {sends[~known][0].tolist()}"
            raise ParameterError(owner, given, "compartment, core and in-axon that there are", "count from 0 on")
        if (over := core.load().exceeded(self.chip)) is not None:
            name, used, most = over
            raise ParameterError(owner, f"{used} {name}", f"no more than {most}", "fewer synapses or compartments")

    @property
    def n_neurons(self) -> int:
        """Compartments of all cores."""
        return sum(core.n for core in self.cores)

    @property
    def n_synapses(self) -> int:
        """Synapses of all cores."""
        return sum(int(np.count_nonzero(core.mantissa)) for core in self.cores)

    def distance(self) -> NDArray[np.int64]:
        """Hops from the router of a core to that of another, (cores, cores)."""
        return tiles_apart(self.chip, np.asarray(self.place))

    def __repr__(self) -> str:
        many = len(self.cores)
        return (
            f"<Loihi: {many} core{'s' if many != 1 else ''} of {self.chip.cores}, {self.n_neurons:,} compartments, "
            f"{self.n_synapses:,} synapses>"
        )


def tiles_apart(chip: Loihi, place: NDArray[Any]) -> NDArray[np.int64]:
    """Hops between cores at these places: none within a tile.

    >>> tiles_apart(Loihi(), np.array([0, 3, 4, 33])).tolist()
    [[0, 0, 1, 1], [0, 0, 1, 1], [1, 1, 0, 2], [1, 1, 2, 0]]
    """
    y, x = np.divmod(np.asarray(place, np.int64) // chip.tile, chip.row)
    return np.abs(x[:, None] - x) + np.abs(y[:, None] - y)
