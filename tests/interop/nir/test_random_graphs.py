"""Random graphs do here what the equations of NIR say, come back to the last bit, or are refused.

12 of them here; RHEOBASE_FUZZ=500 runs as many.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rheobase.errors import NotRepresentable
from rheobase.interop import nir as here
from tests.interop.nir.random_graphs import DT, random_graph, simulated

CASES = int(os.environ.get("RHEOBASE_FUZZ", "12"))
STEPS, SAMPLES = 12, 2


@settings(max_examples=CASES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32 - 1))
def test_what_is_read_is_what_nir_says_and_comes_back_exactly(seed: int) -> None:
    graph, refused = random_graph(seed)
    if refused:
        with pytest.raises(NotRepresentable, match=refused):
            here.from_graph(graph, dt=1e3 * DT)
        return
    net = here.from_graph(graph, dt=1e3 * DT, dtype=torch.float64)
    shape = tuple(graph.nodes["input"].input_type["input"])
    x = 2.0 * torch.rand(STEPS, SAMPLES, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        out = net(x)[0].numpy()
    np.testing.assert_allclose(out, simulated(graph, x.numpy()), rtol=1e-9, atol=1e-9)
    for dtype in (torch.float32, torch.float64):
        read = here.from_graph(graph, dt=1e3 * DT, dtype=dtype)
        found = here.round_trip(read, x.to(dtype), dt=1e3 * DT)
        assert found.exact, found
