"""The outputs of one layer over dies are distributed as by the noise models of IBM's aihwkit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp

from rheobase.chip.mixed_signal import named
from rheobase.chip.mixed_signal.devices import on_dies
from tests.against.make_aihwkit import CASES, DIES, FILE, OUTPUTS, layer

STORED = np.load(FILE)
OURS = 1000


@pytest.mark.parametrize("name", CASES)
def test_outputs_over_dies(name: str) -> None:
    weight, x = layer()
    process = named(name.rpartition("-")[0] if name.startswith("pcm") else name)
    age = 0.0
    if process.drift is not None:
        process, age = replace(process, drift=replace(process.drift, compensated=False)), CASES[name]
    ours, theirs = (on_dies(weight, process, range(OURS), 0, age) @ x).numpy(), STORED[name]
    assert theirs.shape == (DIES, OUTPUTS)
    spread = ours.std(0)
    # five deviations of a mean, and of a standard deviation, of so many dies
    np.testing.assert_array_less(np.abs(ours.mean(0) - theirs.mean(0)) / spread, 5 / DIES**0.5)
    np.testing.assert_array_less(np.abs(theirs.std(0) / spread - 1), 5 / (2 * DIES) ** 0.5)
    for k in range(OUTPUTS):
        statistic, chance = ks_2samp(ours[:, k], theirs[:, k])
        assert chance > 1e-4, statistic
    # and so far from the software that a mean would tell, were it not the same: what drifts falls, the rest spreads
    assert float(np.abs(ours.mean(0) - (weight @ x).numpy()).max() / spread.max()) > (3.0 if age else 0.0)
    assert torch.isfinite(torch.from_numpy(ours)).all()
