"""A compartment of a Loihi core in NumPy's integers, and registers and input to try it on."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

HALF = 2**23


def kept(x: NDArray[np.int64], decay: NDArray[np.int64]) -> NDArray[np.int64]:
    """sign(x) floor(|x| (4096 - decay) / 4096), in 64 bits."""
    return np.sign(x) * ((np.abs(x) * (4096 - decay)) >> 12)


def whole(i: NDArray[np.int64], period: int = 1, **registers: Any) -> tuple[NDArray[np.int64], ...]:
    """Spikes, u and v (before the reset) of the chip's arithmetic, written with integers; i is (time, neurons)."""
    u = v = left = np.zeros(i.shape[1:], np.int64)
    told = []
    for now in i:
        u = kept(u, registers["decay_u"]) + (now << 6)
        u = np.where(u > HALF, u - 2 * HALF, np.where(u <= -HALF, u + 2 * HALF, u))
        v = kept(v, registers["decay_v"]) + u + (registers["bias_mant"] << registers["bias_exp"])
        v = np.where(left > 0, 0, np.clip(v, 1 - HALF, HALF - 1))
        z = v > registers["vth_mant"] << 6
        told.append((z, u, v))
        v = np.where(z, 0, v)
        left = np.where(z, period - 1, np.maximum(left - 1, 0))
    return tuple(np.stack(x).astype(np.int64) for x in zip(*told, strict=True))


def drawn(seed: int, n: int = 200, steps: int = 300) -> tuple[NDArray[np.int64], dict[str, Any]]:
    """Registers over all of their ranges, and input of every size."""
    g = np.random.default_rng(seed)
    size = 2.0 ** g.uniform(0, 15, n)
    i = (g.uniform(-1, 1, (steps, n)) * size + g.uniform(-0.2, 1, n) * size * 0.3).astype(np.int64)
    often = g.random(n) < 0.3
    return np.clip(i, -(2**15), 2**15 - 1), {
        "decay_u": np.where(often, g.choice([0, 1, 4095, 4096], n), g.integers(0, 4097, n)),
        "decay_v": np.where(often, g.choice([0, 1, 4095, 4096], n), g.integers(0, 4097, n)),
        "vth_mant": (2.0 ** g.uniform(0, 17, n)).astype(np.int64) - 1,
        "bias_mant": g.integers(-4096, 4096, n) * (g.random(n) < 0.5),
        "bias_exp": int(g.integers(0, 8)),
    }
