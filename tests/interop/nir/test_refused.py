"""Files and graphs that are none, or that have no meaning here: one error each, that names the node."""

from __future__ import annotations

import contextlib
import pickle
from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np
import pytest
import torch

from rheobase import errors, integrators, neurons, nn
from rheobase.interop import nir as here
from rheobase.interop.nir import file as nir_file
from tests.interop.nir.test_reading import ONES, chain, lif


def written(folder: Path) -> Path:
    here.write(nn.Sequential(nn.Linear(40, 30), neurons.HardResetLIF(30, dt=1.0)), folder / "a.nir")
    return folder / "a.nir"


@pytest.mark.usefixtures("read_apart")
def test_a_file_cut_anywhere_is_damaged(tmp_path: Path) -> None:
    whole = written(tmp_path).read_bytes()
    for size in (0, 4, 100, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.nir").write_bytes(whole[:size])
        with pytest.raises(
            errors.DataError, match=r"cut\.nir: got (an empty file|a file of another|a damaged)"
        ) as told:
            here.read(tmp_path / "cut.nir")
        assert str(told.value).count("expected") == 1


@pytest.mark.usefixtures("read_apart")
def test_a_file_with_bytes_changed_is_damaged_or_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some of them have libhdf5 run for ever."""
    monkeypatch.setattr(nir_file, "PATIENCE", 2.0)
    whole, rng = bytearray(written(tmp_path).read_bytes()), np.random.default_rng(0)
    for _ in range(6):
        broken = bytearray(whole)
        for at in rng.integers(8, len(whole), 20):
            broken[at] ^= 0xFF
        (tmp_path / "b.nir").write_bytes(broken)
        with contextlib.suppress(errors.RheobaseError):
            here.read(tmp_path / "b.nir")


def test_files_of_other_kinds(tmp_path: Path) -> None:
    (tmp_path / "a.nir").write_bytes(pickle.dumps([1, 2], protocol=4))
    with pytest.raises(errors.DataError, match="pickle"):
        here.read(tmp_path / "a.nir")
    torch.save([1], tmp_path / "b.nir")
    with pytest.raises(errors.DataError, match="pickle"):
        here.read(tmp_path / "b.nir")
    (tmp_path / "c.nir").write_text("a network")
    with pytest.raises(errors.DataError, match="another kind"):
        here.read(tmp_path / "c.nir")
    with h5py.File(tmp_path / "d.nir", "w") as file:
        file["data"] = 1
    with pytest.raises(errors.DataError, match=r"HDF5 with \['data'\]"):
        here.read(tmp_path / "d.nir")
    with pytest.raises(errors.DataError, match="No such file"):
        here.read(tmp_path / "e.nir")
    with pytest.raises(errors.DataError, match="directory"):
        here.read(tmp_path)


def test_an_unknown_node(tmp_path: Path) -> None:
    nir.write(tmp_path / "a.nir", chain(lif()))
    with h5py.File(tmp_path / "a.nir", "a") as file:
        del file["node/nodes/n0/type"]
        file["node/nodes/n0/type"] = "LIFF"
    with pytest.raises(errors.NotRepresentable, match=r"node 'n0': got the type 'LIFF'.*did you mean 'LIF'"):
        here.read(tmp_path / "a.nir", dt=1.0)


def graph_of(change: Any) -> Any:
    graph = chain(nir.Linear(np.eye(3)), lif(), nir.Linear(np.eye(3)))
    change(graph)
    return graph


def cycle(graph: Any) -> None:
    graph.nodes["s"] = nir.Scale(ONES)
    graph.edges += [("n0", "s"), ("s", "n0")]


GRAPHS: dict[str, tuple[Any, type[errors.RheobaseError], str]] = {
    "a cycle without delay": (cycle, errors.DataError, "a cycle without delay: (n0 -> s -> n0|s -> n0 -> s)"),
    "a node on itself": (lambda g: g.edges.append(("n0", "n0")), errors.DataError, "a cycle without delay: n0 -> n0"),
    "an edge to nowhere": (lambda g: g.edges.append(("n0", "n9")), errors.DataError, "'n9', which is no node"),
    "an edge twice": (lambda g: g.edges.append(("n0", "n1")), errors.NotRepresentable, "n0 -> n1 twice"),
    "a node that nothing feeds": (lambda g: g.edges.remove(("n0", "n1")), errors.DataError, "'n1': got no edge to"),
    "a node that feeds nothing": (
        lambda g: (g.edges.remove(("n2", "output")), g.edges.append(("n1", "output"))),
        errors.DataError, "node 'n2': got no edge from it",
    ),
    "two inputs": (
        lambda g: (g.nodes.update(more=nir.Input(np.array([3]))), g.edges.append(("more", "n0"))),
        errors.NotRepresentable, r"2 nodes of type Input \(input, more\)",
    ),
    "no output": (
        lambda g: (g.nodes.pop("output"), g.edges.remove(("n2", "output"))), errors.NotRepresentable,
        "0 nodes of type Output",
    ),
    "neurons of another number": (
        lambda g: g.nodes.update(n1=nir.LIF(*(np.ones(4) for _ in range(4)))), errors.DataError,
        r"node 'n1' \(LIF\): got tau of shape \(4,\)",
    ),
    "weights of another number": (
        lambda g: g.nodes.update(n2=nir.Linear(np.ones((2, 5)))), errors.DataError,
        r"node 'n2' \(Linear\): got weight of shape \(2, 5\) behind an input of shape \(3,\)",
    ),
    "a sum of two shapes": (
        lambda g: (g.nodes.update(n2=nir.Linear(np.ones((2, 3)))), g.edges.append(("n1", "output"))), errors.DataError,
        "an Output of shape",
    ),
    "another output": (lambda g: g.nodes.update(output=nir.Output(np.array([7]))), errors.DataError, r"shape \(7,\)"),
    "no number": (
        lambda g: g.nodes.update(n1=lif(tau=np.array([0.1, np.nan, 0.1]))), errors.DataError, "tau with values"
    ),
    "a time of zero": (
        lambda g: g.nodes.update(n1=lif(tau=0 * ONES)), errors.DataError, r"node 'n1' \(LIF\): got tau_mem = 0"
    ),
    "a time below zero": (
        lambda g: g.nodes.update(n1=nir.Delay(-ONES)), errors.DataError, "node 'n1' .*a delay of -1 s"
    ),
    "half a step": (
        lambda g: g.nodes.update(n1=nir.Delay(0.0005 * ONES)), errors.NotRepresentable, r"0\.5 of a step.*rounded_delay"
    ),
    "axes that there are not": (
        lambda g: g.nodes.update(n1=nir.Flatten(None, 4, -1)), errors.DataError, "axes 4 to -1"
    ),
    "images": (
        lambda g: g.nodes.update(n1=nir.Conv2d((4, 4), np.ones((1, 1, 2, 2)), 1, 0, 1, 1, ONES[:1])), errors.DataError,
        r"node 'n1' \(Conv2d\): got weight of shape \(1, 1, 2, 2\)",
    ),
    "pools": (
        lambda g: g.nodes.update(n1=nir.SumPool2d(*(np.array([1, 1]) for _ in range(3)))), errors.DataError,
        r"node 'n1' \(SumPool2d\): got an input of shape \(3,\)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GRAPHS)
def test_graphs_without_meaning(name: str) -> None:
    change, kind, says = GRAPHS[name]
    with pytest.raises(kind, match=says):
        here.from_graph(graph_of(change), dt=1.0)


def test_delays_may_be_rounded_by_name() -> None:
    net = here.from_graph(chain(nir.Delay(0.0016 * ONES)), dt=1.0, allow=("rounded_delay",))
    assert net[0].positions.d.tolist() == [2.0, 2.0, 2.0]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, r"node 'n0' \(LIF\): got no dt; expected the step in ms.*dt=0\.1, say"),
        ({"dt": -1.0}, "dt = -1.0"),
        ({"dt": float("nan")}, "dt = nan"),
        ({"dt": "1"}, "dt = '1'"),
        ({"dt": 1.0, "reset": "soft"}, "reset 'soft'"),
        ({"dt": 1.0, "integrator": integrators.Euler}, "integrator"),
        ({"dt": 1.0, "dtype": torch.float16}, "float16"),
        ({"dt": 1.0, "allow": "all"}, "allow = 'all'"),
        ({"dt": 20.0, "reset": "subtract_later", "integrator": integrators.Euler()}, "a decay of -1"),
        ({"dt": 1.0, "reset": "subtract_later", "integrator": integrators.RK4()}, "Euler or ExpEuler"),
    ],
)
def test_arguments(given: dict[str, Any], says: str) -> None:
    with pytest.raises(errors.RheobaseError, match=says):
        here.from_graph(chain(lif()), **given)
    with pytest.raises(errors.ParameterError, match=r"a dict; expected a nir\.NIRGraph"):
        here.from_graph({}, dt=1.0)


def test_networks_that_cannot_be_compared() -> None:
    a = nn.Sequential(neurons.HardResetLIF(2, dt=1.0))
    with pytest.raises(errors.ParameterError, match="1 layers with neurons, and 2"):
        here.compare(a, nn.Sequential(*a.layers, *a.layers), torch.zeros(3, 1, 2))
