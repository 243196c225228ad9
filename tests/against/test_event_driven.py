"""The event-driven simulator against NEST's neurons with precise spike times (`make_event_traces.py` wrote the files).

Neurons that spike once agree to rounding. For those that spike often NEST's refractory time is extrapolated to 0, which
is good for 1e-9 ms in 60.
"""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest

from rheobase.event_driven import Network, run
from tests.against.make_event_traces import FOLDER, RUNS, T_STOP
from tests.against.make_event_traces import run as run_nest

NAMES = pytest.mark.parametrize("name", list(RUNS))
WITHIN = {"once": 2e-13, "often": 2e-9}  # ms
PARAMETERS = ("tau_mem", "tau_syn", "current", "v_start", "pre", "post", "weight", "delay")


def compare(name: str, theirs: dict[str, Any]) -> None:
    n, synapses = len(theirs["tau_mem"]), len(theirs["pre"])
    net = Network(
        n,
        sources=int(theirs["pre"].max()) + 1 - n,
        kind=np.full(synapses, str(theirs["kind"])),
        max_spikes=1 if theirs["once"] else np.inf,
        **{key: theirs[key] for key in PARAMETERS},
    )
    spikes = run(net, (theirs["source"], theirs["source_time"]), t_stop=T_STOP)
    assert len(spikes) > 30
    assert spikes.counts.tolist() == np.bincount(theirs["neuron"], minlength=n).tolist()
    for i in range(n):
        apart = np.abs(spikes.of(i) - theirs["time"][theirs["neuron"] == i])
        assert apart.max(initial=0.0) < WITHIN[name.split("-")[0]], i


@NAMES
def test_stored(name: str) -> None:
    with np.load(FOLDER / f"nest-{name}.npz") as file:
        compare(name, dict(file))


@NAMES
def test_live(name: str) -> None:
    """The same with the simulator at work."""
    if importlib.util.find_spec("nest") is None:
        pytest.skip("NEST is not installed (the extra `oracle`); the stored traces were compared")
    compare(name, run_nest(name))
