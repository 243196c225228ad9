"""States are data: saved, and loaded where only data may be loaded, in a process that has not seen their neurons."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from rheobase import MapNeuron, Noisy, Refractory, errors, neurons, nn, state

LAYERS = {
    "LIF": neurons.LIF(4, dt=1.0),
    "crossing": neurons.HodgkinHuxley(4, dt=0.01),
    "noisy": Noisy(neurons.AdLIF(4), seed=3),
    "wrapped twice": Refractory(Noisy(neurons.CubaLIF(4, dt=1.0)), tau_refrac=2.0),
    "recurrent": nn.Recurrent(neurons.AdLIF(4)),
    "gated": nn.SpikGRU(4, 4),
    "delay": nn.Delay(4, taps=3),
    "dropout": nn.Dropout(0.5),
    "network": nn.Sequential(nn.Linear(4, 4), neurons.SRC(4), nn.Recurrent(neurons.LIF(4, dt=1.0))),
}
LOAD = """
import sys, torch, rheobase
runs = torch.load(sys.argv[1], weights_only=True)
assert "rheobase.neurons.gif" not in sys.modules
torch.save({name: (before, after) for name, (before, x, after) in runs.items()}, sys.argv[1])
"""


@pytest.fixture(scope="module")
def carried(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, ...]]:
    """A run of each layer: state before, input, state after, and both states as another process gave them back."""
    runs: dict[str, tuple[Any, ...]] = {}
    for name, layer in LAYERS.items():
        x = torch.rand(5, 2, 4)
        with torch.no_grad():
            _, before = layer(x)
            _, after = layer(x, before)
        runs[name] = (before, x, after)
    path = tmp_path_factory.mktemp("states") / "states.pt"
    torch.save(runs, path)
    subprocess.run([sys.executable, "-c", LOAD, str(path)], check=True)
    again = torch.load(path, weights_only=True)
    return {name: (*run, *again[name]) for name, run in runs.items()}


@pytest.mark.parametrize("name", LAYERS)
def test_another_process_loads_it(name: str, carried: dict[str, tuple[Any, ...]]) -> None:
    layer, (before, x, after, again, end) = LAYERS[name], carried[name]
    with torch.no_grad():
        out, _ = layer(x, before)
        resumed, _ = layer(x, again)
    assert torch.equal(resumed, out)
    assert str(end) == str(after)


def test_a_state_whose_neuron_is_not_there_says_so(tmp_path: Path) -> None:
    class Local(MapNeuron):
        v = state(0.0, "1", "a value")
        graded = True

        def step(self, s, i):
            return i, s

    path = tmp_path / "state.pt"
    torch.save(Local(3).rest(1), path)
    with pytest.raises(errors.StateError, match=r"Local, which is not there.*import tests\.core\.test_states"):
        torch.load(path, weights_only=True)


def test_copies_are_states() -> None:
    for layer in LAYERS.values():
        _, end = layer(torch.rand(5, 2, 4))
        with torch.no_grad():
            twin = copy.deepcopy(torch.utils._pytree.tree_map(lambda t: t.detach(), end))
        assert type(twin) is type(end)


def test_a_state_of_another_kind_of_neuron_is_refused_though_its_fields_are_the_same() -> None:
    x = 3 * torch.rand(5, 2, 4)
    lif, li = neurons.LIF(4, dt=1.0), neurons.LI(4, dt=1.0)
    net = nn.Sequential(lif, li)
    _, (of_lif, of_li) = net(x)
    for backend in ("auto", "reference"):
        with pytest.raises(errors.StateError, match=r"a state of LI; expected one of LIF.*LIF's State\(\*state\)"):
            net(x, (of_li, of_lif), backend=backend)
    # told to be meant, it is taken; and so is one that says no kind
    assert torch.equal(lif(x, lif.State(*of_li))[0], lif(x, of_lif._replace(v=of_li.v))[0])
    wrapped = nn.Sequential(Refractory(neurons.LIF(4, dt=1.0)), Refractory(neurons.HardResetLIF(4, dt=1.0)))
    _, (one, other) = wrapped(x)
    with pytest.raises(errors.StateError, match=r"of Refractory\(HardResetLIF\); expected one of Refractory\(LIF\)"):
        wrapped(x, (other, one))


def test_a_class_that_is_defined_again_takes_its_states_of_before() -> None:
    def made():
        class Held(MapNeuron):
            v = state(0.0, "1", "a value")
            graded = True

            def step(self, s, i):
                return i + s.v, s

        return Held(3)

    x = torch.rand(2, 1, 3)
    _, before = made()(x)
    assert torch.equal(made()(x, before)[0], x)
