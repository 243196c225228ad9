"""Chips and their cores: how many there are, how they are numbered, and the way of a spike over the mesh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rheobase.checks import is_whole
from rheobase.errors import ParameterError

AXONS, NEURONS, TYPES = 256, 256, 4  # of a core: inputs, neurons, and types of axon
SIDE = 64  # cores along a side of a chip
CHIPS = 8  # chips along a side of a board, at most: random numbers count so many cores
REACH = 255  # cores that a spike can go along x, and along y
DELAYS = (1, 15)  # ticks from a spike to its axon
NOWHERE, HOST = -1, -2  # targets of a neuron that are no core: nothing, and what stands beside the board


@dataclass(frozen=True)
class TrueNorth:
    """A board of TrueNorth chips (Merolla et al., 2014): a mesh of cores of 256 axons and 256 neurons.

    `cores`: along x and y of one chip, `chips`: along x and y of the board. A core is named by one number, row after
    row over the whole board: core = x + y * width. A spike travels along x first, then along y.

    Raises: `ParameterError`.

    Reference: Merolla et al., Science 345, 668-673 (2014), doi 10.1126/science.1254642.

    Example:

        >>> board = TrueNorth(chips=(2, 1))
        >>> board.n_cores, board.width, board.hops(0, 127), board.crossings(0, 127)
        (8192, 128, 127, 1)
    """

    cores: tuple[int, int] = (SIDE, SIDE)
    chips: tuple[int, int] = (1, 1)

    def __post_init__(self) -> None:
        for name, most in (("cores", SIDE), ("chips", CHIPS)):
            given: Any = getattr(self, name)
            pair = isinstance(given, tuple | list) and len(given) == 2
            if not pair or not all(is_whole(n, 1, most) for n in given):
                remedy = f"a board has up to {CHIPS} x {CHIPS} chips of up to {SIDE} x {SIDE} cores"
                raise ParameterError("TrueNorth", f"{name}={given!r}", f"two whole numbers from 1 to {most}", remedy)
            object.__setattr__(self, name, tuple(given))

    @property
    def width(self) -> int:
        """Cores along x."""
        return self.cores[0] * self.chips[0]

    @property
    def height(self) -> int:
        """Cores along y."""
        return self.cores[1] * self.chips[1]

    @property
    def n_cores(self) -> int:
        """Cores of the whole board."""
        return self.width * self.height

    def core(self, x: ArrayLike, y: ArrayLike) -> Any:
        """The number of the core at (x, y). Raises `ParameterError`, as all that takes places or cores."""
        across, down = self._numbers("core", x, self.width, "x"), self._numbers("core", y, self.height, "y")
        return _plain(across + down * self.width)

    def xy(self, core: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where cores stand."""
        y, x = np.divmod(self._numbers("xy", core, self.n_cores, "core"), self.width)
        return x, y

    def distance(self, source: ArrayLike, target: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """How many cores along x and along y from source to target, with their signs."""
        (x0, y0), (x1, y1) = self.xy(source), self.xy(target)
        return x1 - x0, y1 - y0

    def hops(self, source: ArrayLike, target: ArrayLike) -> Any:
        """From router to router: |dx| + |dy|."""
        dx, dy = self.distance(source, target)
        return _plain(np.abs(dx) + np.abs(dy))

    def crossings(self, source: ArrayLike, target: ArrayLike) -> Any:
        """How often a spike leaves a chip for the next one."""
        (x0, y0), (x1, y1) = self.xy(source), self.xy(target)
        (cx, cy) = self.cores
        return _plain(np.abs(x1 // cx - x0 // cx) + np.abs(y1 // cy - y0 // cy))

    def _numbers(self, owner: str, given: ArrayLike, many: int, what: str) -> NDArray[np.int64]:
        found = np.asarray(given)
        # an empty list has no type of its own
        if found.size and (found.dtype.kind not in "iu" or int(found.min()) < 0 or int(found.max()) >= many):
            expected = f"whole numbers from 0 to {many - 1}"
            raise ParameterError(f"{self!r}.{owner}", f"{what} = {given!r}", expected, "count from 0")
        return found.astype(np.int64)


def _plain(found: NDArray[np.int64]) -> Any:
    """A number where numbers were asked about."""
    return int(found) if found.ndim == 0 else found
