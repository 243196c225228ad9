"""Graphs of others, made by the package nir: each node, early files, scalars, subgraphs, loops, and resets."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np
import pytest
import torch
from torch import Tensor
from torch import nn as torch_nn

from rheobase import integrators, neurons, nn
from rheobase.interop import nir as here
from tests.interop.nir.random_graphs import DT, simulated

ONES = np.ones(3)


def chain(*nodes: Any, shape: Any = (3,), out: Any = (3,)) -> Any:
    names = [f"n{k}" for k in range(len(nodes))]
    every = {
        "input": nir.Input(np.array(shape)),
        **dict(zip(names, nodes, strict=True)),
        "output": nir.Output(np.array(out)),
    }
    ends = ["input", *names, "output"]
    return nir.NIRGraph(every, list(pairwise(ends)), type_check=False)


def lif(**other: Any) -> Any:
    return nir.LIF(**{"tau": 0.01 * ONES, "r": ONES, "v_leak": 0 * ONES, "v_threshold": 0.5 * ONES, **other})


def noise(*shape: int, steps: int = 40) -> Tensor:
    return 2.0 * torch.rand(steps, 2, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def test_layers_are_those_that_one_would_write() -> None:
    weight = np.arange(12.0).reshape(4, 3).astype(np.float32)
    cuba = nir.CubaLIF(*(np.full(4, value) for value in (0.005, 0.02, 1, 0, 1)))
    affine, linear = nir.Affine(weight, np.ones(4, np.float32)), nir.Linear(weight.T.copy())
    graph = chain(affine, cuba, linear, nir.LI(0.02 * ONES, ONES, 0 * ONES))
    net = here.from_graph(graph, dt=1.0)
    assert [type(layer).__name__ for layer in net.layers] == ["Linear", "HardResetCubaLIF", "Linear", "LI"]
    assert repr(net[1]).startswith("HardResetCubaLIF(4, dt=1.0, integrator=ExpEuler(), v_threshold=1.0000001")
    assert net[0].weight.tolist() == weight.tolist()
    assert float(net[3].value("tau_mem")) == 20.0


def test_a_spike_is_strictly_above_the_threshold() -> None:
    """Whole numbers meet a threshold exactly: NIR does not fire there, and a neuron here does."""
    graph = chain(nir.IF(1e3 * ONES, 2.0 * ONES))
    for dtype in (torch.float32, torch.float64):
        out = here.from_graph(graph, dt=1.0, dtype=dtype)(torch.ones(6, 1, 3, dtype=dtype))[0]
        assert out[:, 0, 0].tolist() == [0, 0, 1, 0, 0, 1]
    own = nn.Sequential(neurons.HardResetIF(3, dt=1.0, v_threshold=2.0))
    assert own(torch.ones(6, 1, 3))[0][:, 0, 0].tolist() == [0, 1, 0, 1, 0, 1]
    written = here.to_graph(own)
    np.testing.assert_array_equal(simulated(written, np.ones((6, 1, 3))), own(torch.ones(6, 1, 3))[0].numpy())
    assert here.round_trip(own, torch.ones(6, 1, 3)).exact


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_so_it_is_of_a_node_of_thresholds(dtype: torch.dtype) -> None:
    x = torch.tensor([1.0, 2.0, 3.0], dtype=dtype).view(3, 1, 1).expand(3, 1, 3)
    net = here.from_graph(chain(nir.Threshold(2.0 * ONES)), dtype=dtype)
    assert net(x)[0][:, 0, 0].tolist() == [0, 0, 1]
    own = nn.Sequential(here.Threshold(torch.tensor(2.0, dtype=dtype)))
    graph = here.to_graph(own, shape=3)
    assert own(x)[0][:, 0, 0].tolist() == [0, 1, 1]
    np.testing.assert_array_equal(simulated(graph, x.numpy()), own(x)[0].numpy())
    assert float(here.from_graph(graph)[0].threshold) == 2.0


def test_scalars_are_broadcast_and_a_missing_reset_is_zero(tmp_path: Path) -> None:
    """As early files have them: the package refuses to make such nodes, so the file is changed."""
    graph = chain(lif())
    nir.write(tmp_path / "a.nir", graph)
    with h5py.File(tmp_path / "a.nir", "a") as file:
        node = file["node/nodes/n0"]
        for name, value in (("tau", 0.01), ("r", 1.0), ("v_leak", 0.0)):
            del node[name]
            node[name] = np.float32(value)
        del node["v_reset"]
        del file["version"]
        file["version"] = "0.2.0"
    net, whole = here.read(tmp_path / "a.nir", dt=1.0), here.from_graph(graph, dt=1.0)
    assert float(net[0].value("v_reset")) == 0.0
    assert torch.equal(net(noise(3).float())[0], whole(noise(3).float())[0])


def test_early_files_have_an_axis_of_one_sample(tmp_path: Path) -> None:
    """Input (1, 2, 6, 6), neurons of (1, 3, 4, 4), Flatten from axis 1, no shape in the convolution."""
    conv = nir.Conv2d((6, 6), np.random.default_rng(0).normal(size=(3, 2, 3, 3)), 1, 0, 1, 1, np.zeros(3))
    cell = nir.IF(np.full((3, 4, 4), 1e3), np.ones((3, 4, 4)))
    nir.write(
        tmp_path / "a.nir", chain(conv, cell, nir.Flatten(np.array((3, 4, 4)), 0, -1), shape=(2, 6, 6), out=(48,))
    )
    net = here.read(tmp_path / "a.nir", dt=1.0)
    with h5py.File(tmp_path / "a.nir", "a") as file:
        nodes = file["node/nodes"]
        for path, value in {
            "input/shape": (1, 2, 6, 6),
            "output/shape": (1, 48),
            "n2/input_type": (1, 3, 4, 4),
            "n2/start_dim": 1,
            "n1/r": np.full((1, 3, 4, 4), 1e3),
            "n1/v_threshold": np.ones((1, 3, 4, 4)),
        }.items():
            del nodes[path]
            nodes[path] = value
        del nodes["n0/input_shape"], nodes["n1/v_reset"]
    x = noise(2, 6, 6)
    assert torch.equal(here.read(tmp_path / "a.nir", dt=1.0)(x)[0], net(x)[0])


def test_r_is_a_scale_before_the_neuron_and_in_its_loop() -> None:
    r = np.array([0.5, 1.0, 2.0])
    graph = chain(lif(r=r))
    assert [type(layer).__name__ for layer in here.from_graph(graph, dt=1.0).layers] == ["Scale", "HardResetLIF"]
    graph.nodes["back"] = nir.Linear(np.random.default_rng(1).normal(size=(3, 3)))
    graph.edges += [("n0", "back"), ("back", "n0")]
    net = here.from_graph(graph, dt=1e3 * DT)
    assert [type(layer).__name__ for layer in net.layers] == ["Scale", "Recurrent"]
    np.testing.assert_allclose(net(noise(3))[0].detach().numpy(), simulated(graph, noise(3).numpy()))


@pytest.mark.parametrize("before", [True, False], ids=["folded", "a graph"])
def test_the_bias_of_a_loop_joins_what_feeds_it(before: bool) -> None:
    rng = np.random.default_rng(2)
    graph = chain(nir.Linear(rng.normal(size=(3, 3))) if before else nir.Scale(ONES), lif())
    graph.nodes["back"] = nir.Affine(rng.normal(size=(3, 3)), rng.normal(size=3))
    graph.edges += [("n1", "back"), ("back", "n1")]
    net = here.from_graph(graph, dt=1e3 * DT)
    assert [type(layer).__name__ for layer in net.layers] == (["Linear", "Recurrent"] if before else ["Graph"])
    np.testing.assert_allclose(net(noise(3))[0].detach().numpy(), simulated(graph, noise(3).numpy()))


def test_a_subgraph_is_put_in_its_place() -> None:
    """As snnTorch writes a recurrent layer."""
    rng = np.random.default_rng(4)
    inner = nir.NIRGraph(
        {
            "input": nir.Input(np.array([3])),
            "lif": lif(),
            "w_rec": nir.Linear(rng.normal(size=(3, 3))),
            "output": nir.Output(np.array([3])),
        },
        [("input", "lif"), ("lif", "w_rec"), ("w_rec", "lif"), ("lif", "output")],
        type_check=False,
    )
    net = here.from_graph(chain(nir.Linear(np.eye(3)), inner, nir.Linear(np.eye(3))), dt=1.0)
    assert [type(layer).__name__ for layer in net.layers] == ["Linear", "Recurrent", "Linear"]


def test_a_loop_through_a_delay() -> None:
    rng = np.random.default_rng(5)
    graph = chain(lif())
    graph.nodes |= {"d": nir.Delay(np.array([0.0, 1e-3, 3e-3])), "back": nir.Linear(rng.normal(size=(3, 3)))}
    graph.edges += [("n0", "d"), ("d", "back"), ("back", "n0")]
    net = here.from_graph(graph, dt=1e3 * DT)
    assert type(net[0]) is nn.RecurrentDelay
    np.testing.assert_allclose(net(noise(3))[0].detach().numpy(), simulated(graph, noise(3).numpy()))
    assert here.round_trip(net, noise(3)).exact


@pytest.mark.parametrize("integrator", [None, integrators.Euler(), here.InOrder()], ids=str)
def test_a_reset_that_subtracts_later_fires_as_the_recursion_of_it(integrator: Any) -> None:
    """m' = b m + (1 - b) i - theta z, z of the step before: snnTorch's default."""
    x = noise(3, steps=200)
    net = here.from_graph(chain(lif()), dt=1.0, integrator=integrator, reset="subtract_later", dtype=torch.float64)
    b = np.exp(-0.1) if integrator is None else 0.9
    m, z, expected = np.zeros((2, 3)), np.zeros((2, 3)), []
    for i in x.numpy():
        m = b * m + (1 - b) * i - 0.5 * z
        z = (m > 0.5).astype(float)
        expected.append(z)
    np.testing.assert_array_equal(net(x)[0].numpy(), np.stack(expected))
    assert np.sum(expected) > 100
    at_once = here.from_graph(chain(lif()), dt=1.0, reset="subtract")
    assert type(at_once[0]) is neurons.LIF


def test_the_step_is_free() -> None:
    """NIR is in continuous time: a finer step is the same network, more exactly."""
    coarse, fine = (here.from_graph(chain(lif()), dt=dt) for dt in (1.0, 0.01))
    x = torch.ones(100, 1, 3)
    a, b = coarse(x)[0].sum(0), fine(x.repeat_interleave(100, 0))[0].sum(0)
    assert a.tolist() == [[14.0] * 3]  # 0.01 ln 2 s is 6.93 steps of 1 ms, and 7 of them
    assert b.tolist() == [[14.0] * 3]


def test_flatten_of_some_axes_and_torch_layers() -> None:
    net = here.from_graph(chain(nir.Flatten(np.array((2, 3, 4)), 1, -1), shape=(2, 3, 4), out=(2, 12)))
    assert type(net[0]) is torch_nn.Flatten
    assert net(torch.zeros(5, 2, 2, 3, 4))[0].shape == (5, 2, 2, 12)
    assert here.round_trip(net, torch.rand(5, 2, 2, 3, 4)).exact
