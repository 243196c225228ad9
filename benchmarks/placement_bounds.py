"""What no placement can go below: spikes times hops of cores on a mesh of tiles, exactly or from a proven bound.

The way between two tiles crosses lines of the mesh, each once, so that hops are a sum over the lines of the spikes
that cross it: of cuts of the cores into those on one side and those on the other, of sizes that the tiles allow. The
least cut of each line by itself is a bound. On two tiles it is the least number of hops; on two rows of two tiles the
least is that of the cheapest pair of cuts, no two sides of which share more cores than a tile holds.

Cuts of up to 24 cores are counted out, all of them. Of more cores, a cut of n cores into s and n - s is bounded by
eigenvalues (Donath & Hoffman, IBM J. Res. Dev. 17:420 (1973)): with x = 1 on one side and -1 on the other, the cut is
x' L x / 4 for the Laplacian L, and stays so with numbers added to its diagonal that sum to zero; the least value over
all real x of that length and sum is no more. The diagonal is improved by subgradients; any diagonal gives a bound.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

COUNTED, STEPS = 24, 60


def halves(n: int) -> NDArray[np.float32]:
    """All subsets of n things, (2^n, n)."""
    return ((np.arange(1 << n)[:, None] >> np.arange(n)) & 1).astype(np.float32)


def cuts(flow: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Spikes between each subset of the cores and the others, and its size, (2^first, 2^rest) for subsets of halves."""
    both = (flow + flow.T).astype(np.float64)
    np.fill_diagonal(both, 0)
    half = len(flow) // 2
    a, b = halves(half).astype(np.float64), halves(len(flow) - half).astype(np.float64)
    own, cross = both.sum(1), both[:half, half:]
    inside_a = a @ own[:half] - np.einsum("si,ij,sj->s", a, both[:half, :half], a)
    inside_b = b @ own[half:] - np.einsum("si,ij,sj->s", b, both[half:, half:], b)
    made = inside_a[:, None] + inside_b - 2 * (a @ cross @ b.T)
    return made, (a.sum(1)[:, None] + b.sum(1)).astype(np.int64)


def least_cut(flow: NDArray[np.int64], left: int, right: int) -> float:
    """No cut with room for so many cores on either side has fewer spikes across."""
    n = len(flow)
    if n <= COUNTED:
        made, size = cuts(flow)
        return float(made[(size <= left) & (n - size <= right)].min())
    return min(spectral(flow, s) for s in range(max(0, n - right), min(left, n) + 1))


def spectral(flow: NDArray[np.int64], size: int) -> float:
    """A bound of the cut into so many cores and the others, by eigenvalues."""
    n = len(flow)
    both = (flow + flow.T).astype(np.float64)
    np.fill_diagonal(both, 0)
    laplacian, mean = np.diag(both.sum(1)) - both, (2 * size - n) / n
    # an orthonormal basis of what sums to zero
    basis = np.linalg.qr(np.column_stack([np.ones(n), np.eye(n)[:, : n - 1]]))[0][:, 1:]
    added, best, scale = np.zeros(n), 0.0, both.sum() / n**2
    for step in range(STEPS):
        matrix = laplacian + np.diag(added)
        value, x = _least(basis.T @ matrix @ basis, mean * basis.T @ added, n * (1 - mean**2))
        best = max(best, value / 4)
        towards = (mean + basis @ x) ** 2 - 1.0  # the subgradient; it sums to zero
        added += 4 * scale / (step + 4) * towards
        added -= added.mean()
    return best


def _least(
    matrix: NDArray[np.float64], linear: NDArray[np.float64], square: float
) -> tuple[float, NDArray[np.float64]]:
    """The least y' M y + 2 b' y over y of a squared length, and where: through the secular equation, from below."""
    values, vectors = np.linalg.eigh(matrix)
    b = vectors.T @ linear
    size = float(np.abs(values).max()) + float(np.linalg.norm(b)) + 1.0
    # at lambda below all eigenvalues, min >= lambda square - sum b^2 / (value - lambda): the dual, a bound at any
    low, high = values[0] - size, values[0] - 1e-12 * size
    for _ in range(80):
        middle = 0.5 * (low + high)
        longer = float(((b / (values - middle)) ** 2).sum()) > square
        low, high = (low, middle) if longer else (middle, high)
    dual = low * square - float((b**2 / (values - low)).sum())
    y = -b / (values - low)
    y[0] += np.sqrt(max(0.0, square - float(y @ y))) * (1.0 if y[0] >= 0 else -1.0)
    return dual, vectors @ y


def bound(flow: NDArray[np.int64], width: int, height: int, tile: int) -> float:
    """A number of hops that no placement on width x height tiles of so many cores is below."""
    found, known = 0.0, dict[tuple[int, int], float]()
    for across, along in ((width, height), (height, width)):
        for k in range(1, across):
            sides = sorted((k * along * tile, (across - k) * along * tile))
            key = sides[0], sides[1]
            known[key] = known[key] if key in known else least_cut(flow, *key)
            found += known[key]
    return found


def least_on_four(flow: NDArray[np.int64], tile: int) -> float:
    """The least hops on two rows of two tiles, of up to 16 cores: the cheapest pair of cuts that fit on tiles."""
    n = len(flow)
    made, size = cuts(flow)
    fits = np.nonzero(((size <= 2 * tile) & (n - size <= 2 * tile)).ravel())[0]
    order = fits[np.argsort(made.ravel()[fits], kind="stable")]
    cost, first, rest = made.ravel()[order], n // 2, n - n // 2
    sides = np.concatenate([halves(first)[order >> rest], halves(rest)[order & ((1 << rest) - 1)]], axis=1)
    best, total = np.inf, sides.sum(1)
    for k in range(len(order)):
        if 2 * cost[k] >= best:
            break
        stop = int(np.searchsorted(cost, best - cost[k]))
        both = sides[k:stop] @ sides[k]
        most = np.maximum(both, np.maximum(total[k] - both, total[k:stop] - both))
        most = np.maximum(most, n - total[k] - total[k:stop] + both)
        there = np.flatnonzero(most <= tile)
        if len(there):
            best = min(best, float(cost[k] + cost[k + there[0]]))
    return best
