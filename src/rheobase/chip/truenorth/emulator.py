"""The face of the emulator: checks what is given, and runs it by the backend that was asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rheobase.checks import is_whole
from rheobase.chip.truenorth import fast, reference
from rheobase.chip.truenorth.board import AXONS, HOST, NEURONS
from rheobase.chip.truenorth.configuration import Configuration, whole
from rheobase.chip.truenorth.plan import Plan, plan_of
from rheobase.chip.truenorth.processes import Processes
from rheobase.chip.truenorth.results import Events, Run, State, check_state, start
from rheobase.errors import ParameterError, ShapeError, nearest

Backend = Literal["auto", "llvm", "reference"]
Record = Literal["host", "all"]
MOST_TICKS = 1 << 40


class Emulator:
    """A board that runs, tick by tick (Akopyan et al., 2015: the chip and its simulator agree spike by spike).

    In a tick each core adds what its active axons bring, leaks, fires and resets, and sends. The compiled emulator
    ("llvm", "auto") and the reference (in NumPy, one axon at a time) give the same bits, on any number of torch's
    threads.

    Raises: `ParameterError`.

    Reference: Akopyan et al., IEEE TCAD 34, 1537-1557 (2015), doi 10.1109/TCAD.2015.2474396.

    Example, neurons that count to 5 by their leak:

        >>> from rheobase.chip.truenorth import HOST, TrueNorth
        >>> net = Configuration(TrueNorth(cores=(1, 1)), leak=1, alpha=5, target=HOST)
        >>> Emulator(net).run(11).spikes.tick[::256]
        array([4, 9])
    """

    def __init__(self, net: Configuration, *, backend: Backend = "auto"):
        if not isinstance(net, Configuration):
            given = f"a {type(net).__name__}"
            raise ParameterError("Emulator", given, "a truenorth.Configuration", "describe the board first")
        if backend not in ("auto", "llvm", "reference"):
            known = ("auto", "llvm", "reference")
            raise ParameterError("Emulator", f"backend={backend!r}", f"one of {known}", nearest(str(backend), known))
        self.net, self.backend = net, backend
        self._plan: Plan | None = None

    def rest(self, *, seed: int = 0) -> State:
        """The state before tick 0. Raises `ParameterError` for a seed that is not from 0 to 2^63 - 1."""
        if not is_whole(seed, 0, (1 << 63) - 1):
            raise ParameterError("Emulator.rest", f"seed={seed!r}", "a whole number from 0 to 2^63 - 1", "seed=0, say")
        return start(self.net.board, self.net.v, seed)

    def run(
        self,
        ticks: int,
        inputs: tuple[ArrayLike, ArrayLike, ArrayLike] | Events | None = None,
        *,
        state: State | None = None,
        record: Record = "host",
        progress: Callable[[int], None] | None = None,
        group: Any = None,
    ) -> Run:
        """Run so many ticks. `inputs`: (tick, core, axon) of spikes from outside, in any order, absolute ticks.

        `state`: None begins at tick 0 from `rest()`; the state that a run returned goes on, with the same bits as one
        run. `record`: spikes that go to the host, or "all". `progress`: called with how many ticks are done.

        `group`: a process group of torch.distributed, whose processes share the cores. All of them make this call with
        the same arguments, and all return what one process would.

        Raises: `ParameterError`, `ShapeError`, `DTypeError` for inputs that do not fit the board or the ticks, or are
        others in another process, `StateError`.
        """
        if not is_whole(ticks, 0, MOST_TICKS):
            expected = "a whole number from 0 to 2^40"
            raise ParameterError("Emulator.run", f"ticks={ticks!r}", expected, "1000 is a second")
        if record not in ("host", "all"):
            remedy = nearest(str(record), ("host", "all"))
            raise ParameterError("Emulator.run", f"record={record!r}", "'host' or 'all'", remedy)
        begin = self.rest() if state is None else state
        check_state("Emulator.run", begin, self.net.board)
        given = _inputs(self.net, inputs, begin.tick, ticks)
        recorded = _recorded(self.net, record)
        on_progress = (lambda done: None) if progress is None else progress
        if self.backend == "reference":
            if group is not None:
                given_as, remedy = "backend='reference' and a group", 'leave the backend to "auto"'
                raise ParameterError("Emulator.run", given_as, "the compiled emulator, which processes share", remedy)
            return reference.run(self.net, given, ticks, begin, recorded, on_progress)
        cores, processes = range(self.net.board.n_cores), None
        if group is not None:
            processes = Processes(group, self.net.board.n_cores)
            processes.check(self.net, given, ticks, begin)
            cores = processes.cores
        if self._plan is None or self._plan.classes.among != cores or not self._plan.classes.hold(begin.v):
            # a plan is valid only for potentials within the bounds that it was made for
            self._plan = plan_of(self.net, begin.v, cores)
        return fast.run(self.net, self._plan, given, ticks, begin, recorded, on_progress, processes)

    def __repr__(self) -> str:
        return f"<Emulator of {self.net!r}, backend={self.backend!r}>"


def _recorded(net: Configuration, record: Record) -> NDArray[np.bool_]:
    everyone = (net.board.n_cores, NEURONS)
    return np.broadcast_to(np.bool_(True), everyone) if record == "all" else net.target == HOST


def _inputs(net: Configuration, given: Any, tick: int, ticks: int) -> Events:
    """Input spikes by tick, then by core."""
    if given is None:
        return Events(*np.zeros((3, 0), np.int64))
    if not isinstance(given, tuple | list) or len(given) != 3:
        raise ShapeError("Emulator.run", "inputs of another form", "(tick, core, axon)", "three arrays of one length")
    last = {"tick": tick + ticks - 1, "core": net.board.n_cores - 1, "axon": AXONS - 1}
    least = {"tick": tick, "core": 0, "axon": 0}
    columns = list[NDArray[np.int64]]()
    for name, values in zip(last, given, strict=True):
        found = whole("Emulator.run", f"{name} of inputs", values, kinds="iu")
        if found.ndim != 1 or (columns and len(found) != len(columns[0])):
            shape = f"{name} of inputs of shape {found.shape}"
            raise ShapeError("Emulator.run", shape, "three arrays of one length", "one entry for each spike")
        wrong = (found < least[name]) | (found > last[name])
        if bool(wrong.any()):
            at = int(np.argmax(wrong))
            expected = f"{least[name]} to {last[name]}" if ticks else "none in a run of 0 ticks"
            remedy = "ticks are absolute, and those of this run" if name == "tick" else "count from 0 on"
            raise ParameterError("Emulator.run", f"{name}[{at}] = {found[at]} of inputs", expected, remedy)
        columns.append(found.astype(np.int64))
    order = np.lexsort((columns[2], columns[1], columns[0]))
    return Events(*(column[order] for column in columns))
