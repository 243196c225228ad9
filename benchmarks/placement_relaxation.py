"""A bound of the hops of all placements by semidefinite relaxation, where cuts of single lines say too little.

With x = 1 where core i is on tile t (spare places hold cores that send nothing) hops are a quadratic form in x, so
linear in Y, the products of all pairs of (1, x). Y is positive semidefinite, of the form V R V' since the tiles of a
core sum to one and the cores of a tile to its places, and for each pair of cores a distribution over pairs of tiles.
Alternating directions (Oliveira, Wolkowicz & Xu, INFORMS J. Comput. 30:631 (2018)) near the least of that relaxation.

The bound needs no convergence: for any multiplier Z made such that V' Z V has no positive eigenvalue, the least of
<L + Z, Y> over the distributions alone is no more than the hops of any placement. What rounding leaves of an
eigenvalue is taken off, times the trace.

Where that is not enough, the core that sends and receives most is put on each tile in turn (of the first one, on one
tile of those that are alike by a mirror), and the least bound of these is one of all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CHECKED = 25  # rounds between two bounds
NOWHERE = 1e6  # of what is not allowed: far beyond a share
Floats, Mask = NDArray[np.float64], NDArray[np.bool_]


def relaxed(
    flow: NDArray[np.int64],
    width: int,
    height: int,
    tile: int,
    *,
    enough: float,
    rounds: int,
    fixed: tuple[tuple[int, int], ...] = (),
) -> float:
    """A number of hops that no placement is below; no more rounds once it is above `enough`.

    `flow` are the spikes from core to core, (cores, cores); width x height tiles hold `tile` cores each. `fixed` are
    pairs of a core and its tile: then the bound is of such placements.
    """
    tiles, y, x = width * height, *np.divmod(np.arange(width * height), width)
    cores = tiles * tile
    both = np.zeros((cores, cores))
    both[: len(flow), : len(flow)] = flow + flow.T
    np.fill_diagonal(both, 0.0)
    apart = np.abs(x[:, None] - x) + np.abs(y[:, None] - y)
    size = 1 + cores * tiles
    cost, scale = np.zeros((size, size)), float(both.sum()) / cores**2 or 1.0
    cost[1:, 1:] = np.kron(both, apart) / (2 * scale)
    v = np.zeros((size, 1 + (cores - 1) * (tiles - 1)))
    v[0, 0], v[1:, 0] = 1.0, 1.0 / tiles
    v[:, 0] /= np.linalg.norm(v[:, 0])
    v[1:, 1:] = np.kron(_sums_to_zero(cores), _sums_to_zero(tiles))
    allowed = np.ones((cores, tiles), bool)
    for core, at in fixed:
        allowed[core] = np.arange(tiles) == at
    point = np.ones((size, 1))
    point[1:] = 1.0 / tiles
    y_now, z, best, step = point @ point.T, np.zeros((size, size)), -np.inf, cores / 3.0
    for k in range(1, rounds + 1):
        r = v @ _positive(v.T @ (y_now + z / step) @ v) @ v.T
        y_now = _distributions(r - (cost + z) / step, allowed)
        z += 1.618 * step * (y_now - r)
        if k % CHECKED == 0:
            best = max(best, scale * _bound(cost, z, v, allowed))
            if best > enough:
                break
    return best


def _sums_to_zero(n: int) -> Floats:
    """An orthonormal basis of the vectors that sum to zero, (n, n - 1)."""
    return np.linalg.qr(np.column_stack([np.ones(n), np.eye(n)[:, : n - 1]]))[0][:, 1:]


def _positive(matrix: Floats) -> Floats:
    """The nearest positive semidefinite matrix."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    some = values > 0
    return (vectors[:, some] * values[some]) @ vectors[:, some].T


def _simplex(rows: Floats) -> Floats:
    """The nearest distribution to each row."""
    down = -np.sort(-rows, axis=1)
    over = (np.cumsum(down, 1) - 1) / np.arange(1, rows.shape[1] + 1)
    last = (down > over).sum(1) - 1
    return np.maximum(rows - over[np.arange(len(rows)), last][:, None], 0.0)


def proven(
    flow: NDArray[np.int64], width: int, height: int, tile: int, *, above: float, rounds: int, nodes: int
) -> bool:
    """Whether it is proven, within so many bounds, that each placement has more hops than `above`."""
    order, left = np.argsort(-(flow.sum(0) + flow.sum(1)), kind="stable"), nodes
    open_ = list[tuple[tuple[int, int], ...]]([()])
    while open_:
        fixed = open_.pop()
        if left == 0 or len(fixed) == len(flow):
            return False
        left -= 1
        if relaxed(flow, width, height, tile, enough=above, rounds=rounds, fixed=fixed) > above:
            continue
        tiles = range(width * height) if fixed else _unlike(width, height)
        room = [at for at in tiles if sum(at == other for _, other in fixed) < tile]
        open_ += [(*fixed, (int(order[len(fixed)]), at)) for at in room]
    return True


def _unlike(width: int, height: int) -> list[int]:
    """Tiles no two of which are the same but for a mirror of the mesh."""
    return [y * width + x for y in range((height + 1) // 2) for x in range((width + 1) // 2)]


def _blocks(matrix: Floats, cores: int, tiles: int) -> Floats:
    """Y for each pair of cores, (cores, cores, tiles, tiles)."""
    return matrix[1:, 1:].reshape(cores, tiles, cores, tiles).swapaxes(1, 2)


def _distributions(matrix: Floats, allowed: Mask) -> Floats:
    """The nearest Y that is, for each core and for each pair of cores, a distribution over (pairs of) allowed tiles."""
    matrix, (cores, tiles) = (matrix + matrix.T) / 2, allowed.shape
    out, own = np.zeros_like(matrix), np.arange(cores)
    pairs = _blocks(matrix, cores, tiles)
    flat = np.where(_both(allowed), pairs, -NOWHERE).reshape(cores * cores, -1)
    found = _simplex(flat).reshape(pairs.shape)
    alone = (np.einsum("iitt->it", pairs) + 2 * matrix[0, 1:].reshape(cores, tiles)) / 3
    alone = _simplex(np.where(allowed, alone, -NOWHERE))
    found[own, own] = alone[:, :, None] * np.eye(tiles)
    out[1:, 1:] = found.swapaxes(1, 2).reshape(matrix.shape[0] - 1, -1)
    out[0, 0], out[0, 1:], out[1:, 0] = 1.0, alone.ravel(), alone.ravel()
    return out


def _both(allowed: Mask) -> Mask:
    """The pairs of tiles that a pair of cores may be on, (cores, cores, tiles, tiles)."""
    return allowed[:, None, :, None] & allowed[None, :, None, :]


def _bound(cost: Floats, z: Floats, v: Floats, allowed: Mask) -> float:
    """The bound that a multiplier proves."""
    z = (z + z.T) / 2
    z = z - v @ _positive(v.T @ z @ v) @ v.T
    left = max(0.0, float(np.linalg.eigvalsh(v.T @ z @ v)[-1])) + 1e-12 * float(np.abs(z).max())
    matrix, own, (cores, tiles) = cost + z, np.arange(len(allowed)), allowed.shape
    pairs = _blocks(matrix, cores, tiles)
    alone = np.einsum("iitt->it", pairs) + 2 * matrix[0, 1:].reshape(cores, tiles)
    least = np.where(_both(allowed), pairs, np.inf).reshape(cores, cores, -1).min(2)
    least[own, own] = np.where(allowed, alone, np.inf).min(1)
    return float(matrix[0, 0] + least.sum() - left * (1 + cores))
