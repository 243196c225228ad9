"""What stands on a board: synapses, the parameters of every neuron, and where its spikes go."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rheobase.chip.truenorth.board import AXONS, DELAYS, HOST, NEURONS, NOWHERE, REACH, TYPES, TrueNorth
from rheobase.errors import DTypeError, ParameterError, ShapeError

POTENTIAL = (-(1 << 19), (1 << 19) - 1)  # 20 bits with a sign
THRESHOLD = (1 << 18) - 1
ROW = NEURONS // 8  # bytes of the synapses of one axon


@dataclass(frozen=True)
class Field:
    """What a parameter may be: its axes after that of the cores, its numbers, and how they are kept."""

    axes: tuple[int, ...]
    least: int
    most: int
    dtype: type[np.generic]
    meaning: str


PER_NEURON = (NEURONS,)
FIELDS: dict[str, Field] = {
    "axon_type": Field((AXONS,), 0, TYPES - 1, np.uint8, "type G of an axon"),
    "s": Field((TYPES, NEURONS), -256, 255, np.int16, "weight for each type of axon"),
    "b": Field((TYPES, NEURONS), 0, 1, np.bool_, "the weight is stochastic"),
    "leak": Field(PER_NEURON, -256, 255, np.int16, "leak lambda"),
    "c": Field(PER_NEURON, 0, 1, np.bool_, "the leak is stochastic"),
    "epsilon": Field(PER_NEURON, 0, 1, np.bool_, "the leak has the sign of the potential"),
    "alpha": Field(PER_NEURON, 0, THRESHOLD, np.int32, "threshold"),
    "TM": Field(PER_NEURON, 0, 18, np.uint8, "bits of the stochastic part of the thresholds"),
    "beta": Field(PER_NEURON, 0, THRESHOLD, np.int32, "negative threshold"),
    "kappa": Field(PER_NEURON, 0, 1, np.bool_, "below the negative threshold the potential stays at it"),
    "gamma": Field(PER_NEURON, 0, 2, np.uint8, "reset: to R, by the threshold, none"),
    "R": Field(PER_NEURON, -THRESHOLD, THRESHOLD, np.int32, "reset potential"),
    "v": Field(PER_NEURON, *POTENTIAL, np.int32, "potential at the start"),
    "target": Field(PER_NEURON, HOST, (1 << 18) - 1, np.int32, "core that spikes go to, NOWHERE or HOST"),
    "target_axon": Field(PER_NEURON, 0, AXONS - 1, np.uint8, "axon there"),
    "delay": Field(PER_NEURON, *DELAYS, np.uint8, "ticks from a spike to that axon"),
}


@dataclass(frozen=True, eq=False, repr=False)
class Configuration:
    """Cores of TrueNorth neurons, and their wiring (Cassidy et al., 2013).

    In a tick, with fresh random numbers rho of 8 and eta of TM bits, and F(s, rho) = 1 if |s| >= rho, else 0:

        v <- v + sum over active axons i with a synapse:  s if b = 0, else F(s, rho_i) sgn(s), for the type of i
        v <- v + Omega (leak if c = 0, else F(leak, rho) sgn(leak))     Omega = 1 if epsilon = 0, else sgn(v)
        v >= alpha + eta:          spike;  v <- R (gamma = 0), v - (alpha + eta) (1), v (2)
        kappa = 1 and v < -beta:           v <- -beta
        kappa = 0 and v < -(beta + eta):   v <- -R (gamma = 0), v + (beta + eta) (1), v (2)

    A leak with epsilon = 1 takes v to 0 at most, not beyond. A spike reaches `target_axon` of the core `target` after
    `delay` ticks; several spikes on one axon in one tick are one. `target` NOWHERE is no core at all, HOST leaves the
    board: what the host reads.

    Shapes: crossbar (cores, 256 axons, 256 neurons), 0 or 1, or (cores, 256, 32) bytes whose lowest bit is the first
    neuron; axon_type (cores, 256); s, b (cores, 4, 256), one for each type of axon; all others (cores, 256). Each may
    be a number, or have axes of length 1, for what is the same along them: it is then kept once. s and leak are -256 to
    255, alpha and beta 0 to 262143, R -262143 to 262143, TM 0 to 18, gamma 0 to 2, v -524288 to 524287, delay 1 to 15.

    Raises: `ShapeError`, `DTypeError`, `ParameterError` (with the first value out of range; also for a target that is
    not on the board, or more than 255 cores away along x or y).

    Numerics: whole numbers; v saturates at 20 bits, after the synapses and after the leak.

    Differs from the paper: the paper leaves open where a sum saturates and in which order synapses draw, so here it is
    after the whole sum, and numbers are a function of (seed, tick, core, axon, neuron). R is a plain number.

    Reference: Cassidy et al., IJCNN 2013, doi 10.1109/IJCNN.2013.6707077.

    Example, a neuron that is driven by its leak and sends to the host:

        >>> net = Configuration(TrueNorth(cores=(1, 1)), leak=1, alpha=5, target=-2)
        >>> net.n_synapses, net.alpha.shape
        (0, (1, 256))
    """

    board: TrueNorth = field(default_factory=TrueNorth)
    crossbar: Any = field(default=0, kw_only=True)
    axon_type: Any = field(default=0, kw_only=True)
    s: Any = field(default=0, kw_only=True)
    b: Any = field(default=0, kw_only=True)
    leak: Any = field(default=0, kw_only=True)
    c: Any = field(default=0, kw_only=True)
    epsilon: Any = field(default=0, kw_only=True)
    alpha: Any = field(default=1, kw_only=True)
    TM: Any = field(default=0, kw_only=True)
    beta: Any = field(default=0, kw_only=True)
    kappa: Any = field(default=1, kw_only=True)
    gamma: Any = field(default=0, kw_only=True)
    R: Any = field(default=0, kw_only=True)
    v: Any = field(default=0, kw_only=True)
    target: Any = field(default=NOWHERE, kw_only=True)
    target_axon: Any = field(default=0, kw_only=True)
    delay: Any = field(default=1, kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.board, TrueNorth):
            raise ParameterError("Configuration", f"board={self.board!r}", "a TrueNorth", "TrueNorth() is one chip")
        self._set("crossbar", _packed(self.crossbar, self.board.n_cores))
        for name, allowed in FIELDS.items():
            self._set(name, _checked(name, allowed, getattr(self, name), self.board.n_cores))
        _check_targets(self)

    def _set(self, name: str, value: NDArray[Any]) -> None:
        value.flags.writeable = False
        object.__setattr__(self, name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        # made and checked again: NumPy would copy arrays that can be written to, and spread what is kept once
        return _made, (self.board, {name: once(getattr(self, name)) for name in NAMES})

    @property
    def n_synapses(self) -> int:
        """How many points of all crossbars are set."""
        return sum(int(np.bitwise_count(core).sum()) for core in self.crossbar)

    def synapses(self, core: int) -> NDArray[np.bool_]:
        """The crossbar of one core, (256 axons, 256 neurons)."""
        return np.unpackbits(self.crossbar[core], axis=-1, bitorder="little").astype(bool)

    def __repr__(self) -> str:
        return f"<Configuration of {self.board!r}: {self.n_synapses} synapses>"


NAMES = tuple(f.name for f in fields(Configuration) if f.name != "board")


def _made(board: TrueNorth, arrays: dict[str, NDArray[Any]]) -> Configuration:
    return Configuration(board, **arrays)


def once(array: NDArray[Any]) -> NDArray[Any]:
    """Of an array that is spread along some axes, the part that lies in memory."""
    return np.ascontiguousarray(array[tuple(slice(None) if step else slice(1) for step in array.strides)])


def _packed(given: Any, cores: int) -> NDArray[np.uint8]:
    """Synapses as bits, eight neurons in a byte."""
    found = whole("Configuration", "crossbar", given)
    if found.dtype == np.uint8 and found.ndim == 3 and found.shape[-1] == ROW:
        # a row is read where it lies
        return np.array(_fitting("crossbar", found, (cores, AXONS, ROW)), order="C")
    full = _fitting("crossbar", found, (cores, AXONS, NEURONS))
    packed = np.empty((cores, AXONS, ROW), np.uint8)
    # a core at a time, so that no copy of a whole chip in bytes is made
    for core in range(cores):
        wrong = (full[core] != 0) & (full[core] != 1)
        if bool(wrong.any()):
            axon, neuron = _first(wrong)
            raise ParameterError(
                "Configuration",
                f"crossbar[{core}, {axon}, {neuron}] = {full[core, axon, neuron]}",
                "0 or 1",
                "weights are in s, by type of axon",
            )
        packed[core] = np.packbits(full[core] != 0, axis=-1, bitorder="little")
    return packed


def _checked(name: str, allowed: Field, given: Any, cores: int) -> NDArray[Any]:
    found = whole("Configuration", name, given)
    wrong = (found < allowed.least) | (found > allowed.most)
    if bool(wrong.any()):
        at = _first(wrong)
        where = f"{name}{at}" if at else name
        expected = f"{allowed.least} to {allowed.most} ({allowed.meaning})"
        if allowed.dtype is np.bool_:
            expected = f"0 or 1 ({allowed.meaning})"
        raise ParameterError(
            "Configuration", f"{where} = {found[tuple(at)]}", expected, "scale the network to what a chip holds"
        )
    # rounded to its own type before it is spread, so that what is the same is kept once
    return _fitting(name, found.astype(allowed.dtype), (cores, *allowed.axes))


def whole(owner: str, name: str, given: Any, *, kinds: str = "iub") -> NDArray[Any]:
    """An array of whole numbers, or of none at all. Raises `DTypeError`."""
    try:
        found = np.asarray(given)
    except ValueError as error:
        given_as = f"{name} that is no array ({error})"
        raise DTypeError(owner, given_as, "whole numbers", "give a number or an array") from error
    if found.size and found.dtype.kind not in kinds:
        raise DTypeError(owner, f"{name} of dtype {found.dtype}", "whole numbers", "round them first")
    return found


def _fitting(name: str, found: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    try:
        return np.broadcast_to(found, shape)
    except ValueError as error:
        raise ShapeError(
            "Configuration",
            f"{name} of shape {found.shape}",
            f"{shape}, or with axes of length 1",
            "axes count cores, types of axon (s and b), then what a core has of it; length 1 where it is the same",
        ) from error


def _first(wrong: NDArray[np.bool_]) -> list[int]:
    return [int(k) for k in np.unravel_index(int(np.argmax(wrong)), wrong.shape)] if wrong.ndim else []


def _check_targets(net: Configuration) -> None:
    board = net.board
    source, target = np.arange(board.n_cores)[:, None], net.target
    beyond = target >= board.n_cores
    if bool(beyond.any()):
        core, neuron = _first(beyond)
        raise ParameterError(
            "Configuration",
            f"target[{core}, {neuron}] = {target[core, neuron]}",
            f"0 to {board.n_cores - 1}",
            f"the board has {board.n_cores} cores; {NOWHERE} is nowhere, {HOST} the host",
        )
    # on a board whose sides are shorter, no spike can go too far
    if max(board.width, board.height) <= REACH + 1:
        return
    dx, dy = board.distance(source, np.where(target < 0, source, target))
    far = np.maximum(np.abs(dx), np.abs(dy)) > REACH
    if bool(far.any()):
        core, neuron = _first(far)
        raise ParameterError(
            "Configuration",
            f"target[{core}, {neuron}] = {target[core, neuron]}, which is "
            f"({dx[core, neuron]}, {dy[core, neuron]}) cores away",
            f"no more than {REACH} along x and along y",
            "send it through a core on the way",
        )
