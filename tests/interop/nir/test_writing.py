"""Networks written: every layer and neuron, what lies in the file, losses, and what is read again of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np
import pytest
import torch
from torch import nn as torch_nn

from rheobase import Noisy, errors, integrators, neurons, nn, surrogates
from rheobase.interop import nir as here
from rheobase.interop.nir.layers import LAYERS as READ
from rheobase.interop.nir.neurons import KINDS, WRITTEN
from rheobase.interop.nir.writing import LAYERS as PUT
from tests.interop.nir.random_graphs import DT, simulated

SOFT = ("soft_reset",)


def delays(*d: float) -> nn.AxonalDelay:
    layer = nn.AxonalDelay(len(d), taps=7, width=0.0)
    layer.positions.d.data = torch.tensor(d)
    return layer


def own(d: tuple[float, ...] = (0.0, 1.0, 2.0)) -> nn.RecurrentDelay:
    layer = nn.RecurrentDelay(neurons.HardResetLIF(3, dt=1.0), taps=4, width=0.0)
    layer.positions.d.data = torch.tensor(d)
    return layer


def wired() -> nn.Graph:
    layers = {
        "a": nn.Linear(4, 3),
        "b": neurons.LIF(3, dt=1.0),
        "w": nn.Linear(3, 3),
        "s": nn.Recurrent(neurons.IF(3, dt=1.0)),
    }
    edges = [("input", "a"), ("a", "b"), ("b", "w"), ("w", "b"), ("a", "s"), ("b", "output"), ("s", "output")]
    return nn.Graph(layers, edges)


NETS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "neurons": (lambda: nn.Sequential(
        neurons.LIF(3, dt=1.0, tau_mem=torch.tensor([5.0, 7.3, 11.1])), neurons.HardResetLIF(3, dt=1.0, v_reset=-0.1),
        neurons.IF(3, dt=1.0, r=0.7), neurons.HardResetIF(3, dt=1.0), neurons.CubaLIF(3, dt=1.0, v_leak=0.3),
        here.HardResetCubaLIF(3, dt=1.0, w_in=3.3), here.CubaLI(3, dt=1.0), here.PureIntegrator(3, dt=1.0, r=0.1),
        here.Threshold(torch.tensor([0.1, 0.2, 0.3])), neurons.LI(3, dt=1.0, tau_mem=3.7),
    ), (3,)),
    "layers": (lambda: nn.Sequential(
        nn.Linear(4, 3), delays(0.0, 2.0, 5.0), nn.Scale(7.0), nn.Recurrent(neurons.HardResetLIF(3, dt=1.0)), own(),
        nn.Sequential(nn.SpikeLinear(3, 5), neurons.HardResetIF(5, dt=1.0)), torch_nn.Dropout(0.5), nn.Dropout(0.2),
        torch_nn.Identity(), nn.Scale(torch.arange(5.0)), nn.Linear(5, 2, bias=False),
        nn.Recurrent(neurons.LIF(2, dt=1.0), self_connections=True),
    ), (4,)),
    "images": (lambda: nn.Sequential(
        nn.Conv2d(2, 4, 3, padding="same"), neurons.LIF(4, 8, 8, dt=1.0, tau_mem=torch.rand(4, 1, 1) + 5.0),
        nn.AvgPool2d(2), nn.Conv2d(4, 4, 3, stride=(1, 2), padding=(0, 1), groups=2, bias=False),
        nn.AvgPool2d(2, divisor_override=1), torch_nn.Flatten(3), nn.Flatten(), nn.Linear(4, 2),
    ), (2, 8, 8)),
    "sounds": (lambda: nn.Sequential(nn.Conv1d(2, 4, 3, dilation=2), nn.Flatten(), nn.Linear(24, 2)), (2, 10)),
    "graph": (lambda: nn.Sequential(wired()), (4,)),
    "graph in a chain": (lambda: nn.Sequential(nn.Scale(2.0), nn.Sequential(wired(), nn.Linear(3, 2))), (4,)),
}  # fmt: skip
ALLOW = ("soft_reset", "dropout")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", NETS)
def test_what_is_written_is_read_to_the_last_bit(name: str, dtype: torch.dtype, tmp_path: Path) -> None:
    torch.manual_seed(1)
    make, shape = NETS[name]
    net = make().to(dtype)
    x = 5.0 * torch.rand(12, 2, *shape, dtype=dtype)
    found = here.round_trip(net, x, allow=ALLOW)
    assert found.exact, found
    here.write(net, tmp_path / "a.nir", shape=shape, allow=ALLOW)
    again = here.read(tmp_path / "a.nir")
    here.write(again, tmp_path / "b.nir", shape=shape, allow=ALLOW)
    assert torch.equal(here.read(tmp_path / "b.nir")(x)[0], net.eval()(x)[0])
    assert set(nir.read(tmp_path / "a.nir", type_check=False).nodes) >= {"input", "output"}
    if not name.startswith("graph"):
        idle = (torch_nn.Dropout, nn.Dropout, torch_nn.Identity)
        kinds = [type(layer) for layer in net.layers if not isinstance(layer, idle)]
        assert [type(layer) for layer in again.layers] == kinds


def test_every_node_is_written_and_read() -> None:
    kinds = {type(part) for make, _ in NETS.values() for part in make().modules()}
    assert kinds.issuperset({*WRITTEN, *PUT})
    written = {
        type(node).__name__
        for make, shape in NETS.values()
        for node in here.to_graph(make(), shape=shape, allow=ALLOW).nodes.values()
    }
    assert written == {*KINDS, *READ, "Input", "Output", "NIRGraph"}


def test_units_and_the_step_lie_in_the_file(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Linear(4, 3), neurons.HardResetLIF(3, dt=0.5, tau_mem=20.0))
    here.write(net, tmp_path / "a.nir")
    with h5py.File(tmp_path / "a.nir") as file:
        assert file["version"][()].decode() == nir.version
        about, cell = file["node/metadata"], file["node/nodes/1_HardResetLIF"]
        assert (about["dt"][()], about["dt_ms"][()], about["time_unit"][()]) == (0.0005, 0.5, b"s")
        assert cell["metadata/units"][()] == b"tau_mem ms, v_leak 1, v_threshold 1, v_reset 1"
        np.testing.assert_array_equal(cell["tau"][()], np.full(3, 0.02, np.float32))


def test_choices_of_the_training_come_back() -> None:
    given: dict[str, Any] = dict(
        dt=1.0,
        tau_mem=torch.tensor([3.0, 4.0]),
        learn=("tau_mem", "v_threshold"),
        surrogate=surrogates.FastSigmoid(25.0),
        detach_reset=False,
        integrator=here.InOrder(integrators.Euler()),
    )
    net = nn.Sequential(neurons.HardResetLIF(2, **given))
    (again,) = here.from_graph(here.to_graph(net)).layers
    assert repr(again) == repr(net[0])
    for name, value in net.state_dict().items():
        assert torch.equal(value, again.state_dict()[name[2:]])
    assert (again.learn, again.surrogate, again.detach_reset) == (net[0].learn, net[0].surrogate, False)


def test_an_integrator_that_is_given_counts_more_than_that_of_the_file() -> None:
    graph = here.to_graph(nn.Sequential(neurons.HardResetLIF(2, dt=1.0, integrator=integrators.ExpEuler())))
    assert here.from_graph(graph, integrator=integrators.Euler())[0].integrator == integrators.Euler()
    assert here.from_graph(graph)[0].integrator == integrators.ExpEuler()


@pytest.mark.parametrize("kept", [True, False])
def test_what_may_grow_in_a_loop_comes_back(kept: bool) -> None:
    """Weights of neurons to themselves, and delays up to which there are taps: 0 at first, and not for ever."""
    cell = neurons.HardResetLIF(3, dt=1.0)
    (again,) = here.from_graph(here.to_graph(nn.Sequential(nn.Recurrent(cell, self_connections=kept)))).layers
    assert again.self_connections == kept
    layer = nn.RecurrentDelay(cell, taps=5, width=0.0, self_connections=kept)
    layer.positions.d.data = torch.tensor([0.0, 1.0, 2.0])
    (again,) = here.from_graph(here.to_graph(nn.Sequential(layer))).layers
    assert (again.self_connections, again.positions.taps) == (kept, 5)
    (delay,) = here.from_graph(here.to_graph(nn.Sequential(delays(0.0, 2.0)), dt=1.0)).layers
    assert delay.positions.taps == 7


def test_a_number_that_somebody_changed_counts() -> None:
    """The exact values beside a node are those of its numbers, or are not used."""
    graph = here.to_graph(nn.Sequential(neurons.HardResetLIF(2, dt=1.0, tau_mem=20.0)))
    node = graph.nodes["0_HardResetLIF"]
    node.tau = np.full(2, 0.01, np.float32)
    (again,) = here.from_graph(graph).layers
    assert float(again.value("tau_mem")) == pytest.approx(10.0)
    assert float(again.value("v_threshold")) == 1.0


def test_a_soft_reset_is_written_as_one_to_zero() -> None:
    net = nn.Sequential(neurons.LIF(2, dt=1e3 * DT, tau_mem=5.0))
    with pytest.raises(errors.NotRepresentable, match=r'subtracts the threshold.*allow=\("soft_reset",\)'):
        here.to_graph(net)
    graph = here.to_graph(net, allow=SOFT)
    assert graph.nodes["0_LIF"].v_reset.tolist() == [0.0, 0.0]
    x = 3.0 * torch.rand(50, 2, 2)
    others = simulated(graph, x.double().numpy())
    assert (net(x)[0].numpy() != others).sum() > 5  # the loss that was allowed
    found = here.compare(net, here.from_graph(graph, reset="file"), x)
    assert not found.exact
    assert found.differing > 5
    assert found.distance > 0.0
    assert found.max_dv > 0.1


REFUSED: dict[str, tuple[Any, Any, str]] = {
    "dropout": (lambda: nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5)), {}, r"layer 1: got Dropout.*\"dropout\""),
    "a neuron": (lambda: nn.Sequential(neurons.AdEx(2, dt=0.1)), {}, "layer 0: got AdEx.*no node in NIR"),
    "of maps": (lambda: nn.Sequential(nn.Recurrent(neurons.AdLIF(2))), {}, "AdLIF.*no node in NIR"),
    "noise": (lambda: nn.Sequential(Noisy(neurons.LIF(2, dt=1.0), sigma=0.1, seed=1)), {}, "Noisy.*no node"),
    "a layer": (lambda: nn.Sequential(nn.MaxPool2d(2)), {"shape": (1, 4, 4)}, "MaxPool2d, which has no node"),
    "a wide delay": (
        lambda: nn.Sequential(nn.AxonalDelay(2, taps=4), neurons.LI(2, dt=1.0)),
        {},
        r"of width 2.*anneal\(0\.0\)",
    ),
    "no step": (lambda: nn.Sequential(delays(1.0, 2.0)), {}, "without a dt"),
    "means": (lambda: nn.Sequential(nn.AvgPool2d(2, ceil_mode=True)), {"shape": (1, 5, 5)}, "ceil_mode"),
    "padding": (
        lambda: nn.Sequential(nn.Conv1d(1, 1, 3, padding=1, padding_mode="circular")),
        {"shape": (1, 5)},
        "circular",
    ),
    "axes": (lambda: nn.Sequential(nn.Linear(4, 2)), {"shape": (3, 4)}, "one axis, as NIR's Linear has"),
    "no chain": (lambda: nn.Linear(2, 2), {}, r"got Linear; expected an nn\.Sequential"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_nir_cannot_say_is_refused_by_name(name: str, tmp_path: Path) -> None:
    make, given, says = REFUSED[name]
    with pytest.raises(errors.NotRepresentable, match=says):
        here.write(make(), tmp_path / "a.nir", **given)
    assert not list(tmp_path.iterdir())


def test_wrong_arguments(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Conv2d(1, 1, 3), neurons.HardResetIF(1, 2, 2, dt=1.0))
    for given, says in (
        ({}, "no shape, and Conv2d"),
        ({"shape": (1, 4, 4), "dt": 2.0}, "dt = 2.0, and neurons with dt=1.0"),
        ({"shape": (1, 4, 4), "allow": ("soft_rest",)}, "did you mean 'soft_reset'"),
    ):
        with pytest.raises(errors.ParameterError, match=says):
            here.write(net, tmp_path / "a.nir", **given)
    with pytest.raises(errors.RheobaseError, match="shape"):
        here.write(net, tmp_path / "a.nir", shape=(2, 4, 4))
    net[0].register_forward_hook(lambda *_: None)
    with pytest.raises(errors.NotRepresentable, match="Conv2d with hooks"):
        here.write(net, tmp_path / "a.nir", shape=(1, 4, 4))


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading a file needs it not."""
    net = nn.Sequential(neurons.HardResetIF(2, dt=1.0))
    here.write(net, tmp_path / "a.nir")
    monkeypatch.setattr(here.exchange, "find_spec", lambda name: None)
    with pytest.raises(errors.BackendUnavailable, match=r"no package nir.*pip install 'rheobase\[nir\]'"):
        here.write(net, tmp_path / "b.nir")
    assert repr(here.read(tmp_path / "a.nir")) == repr(net)
