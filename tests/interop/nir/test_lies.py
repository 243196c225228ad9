"""Files that read and would be another network: numbers and notes of other kinds, names, what NIR has not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np
import pytest
import torch

from rheobase import errors, integrators, neurons, nn
from rheobase.core.integrators import Euler
from rheobase.core.surrogates import ATan
from rheobase.interop import nir as here
from rheobase.interop.nir.neurons import WRITTEN
from tests.interop.nir.test_reading import ONES, chain, lif


@pytest.fixture
def edited(tmp_path: Path) -> Any:
    def read(graph: Any, changes: dict[str, Any], **given: Any) -> nn.Sequential:
        nir.write(tmp_path / "a.nir", graph)
        with h5py.File(tmp_path / "a.nir", "a") as file:
            for path, value in changes.items():
                if path in file:
                    del file[path]
                if value is not None:
                    file[path] = value
        return here.read(tmp_path / "a.nir", **{"dt": 1.0, **given})

    return read


def looped(weight: Any, **other: Any) -> Any:
    graph = chain(lif(**other))
    graph.nodes["back"] = nir.Linear(weight)
    graph.edges += [("n0", "back"), ("back", "n0")]
    return graph


@pytest.mark.parametrize("kind", [">f8", ">f4", np.float16, np.longdouble, ">i4", np.uint16, np.int64, bool], ids=str)
def test_numbers_of_any_type(kind: Any, edited: Any) -> None:
    weight = np.array([[0, 1, 1], [1, 0, 0], [1, 1, 1]]).astype(kind)
    net = edited(chain(nir.Linear(np.eye(3)), lif()), {"node/nodes/n0/weight": weight})
    assert net[0].weight.tolist() == weight.astype(float).tolist()
    assert (net[0].weight.dtype == torch.float64) == (kind in (">f8", np.longdouble))
    tau = edited(chain(lif()), {"node/nodes/n0/v_leak": np.array([1, 0, 1]).astype(kind)})[0].value("v_leak")
    assert tau.tolist() == [1.0, 0.0, 1.0]


def test_large_whole_numbers_and_lateral_ones(edited: Any) -> None:
    large = {"node/nodes/n0/weight": np.full((3, 3), 2**24 + 1)}
    net = edited(chain(nir.Linear(np.eye(3))), large, dtype=torch.float64)
    assert net[0].weight.tolist() == [[2.0**24 + 1] * 3] * 3
    net = here.from_graph(looped(np.ones((3, 3), np.int64), r=0.5 * ONES), dt=1.0)
    assert net[1].lateral.tolist() == [[0.5] * 3] * 3
    for wrong in (np.full((3, 3), np.nan), np.full((3, 3), b"x")):
        with pytest.raises(errors.DataError, match=r"node 'back' \(Linear\): got no matrix of numbers"):
            edited(looped(np.eye(3)), {"node/nodes/back/weight": wrong})


NOTES = {
    "n0/metadata/taps": "x",
    "n0/metadata/learn": ONES,
    "n0/metadata/surrogate": ONES,
    "n0/metadata/integrator": 1.0,
    "n0/metadata/detach_reset": ONES,
    "n0/metadata/neuron": ONES,
    "n0/metadata/tau_mem": "x",
    "n0/metadata/v_threshold": np.full(7, 9.0),
}


def test_notes_of_another_kind_are_none(edited: Any) -> None:
    graph = chain(lif())
    plain = repr(here.from_graph(graph, dt=1.0))
    changes = {f"node/nodes/{name}": value for name, value in NOTES.items()}
    changes |= {"node/metadata/form": ONES, "node/metadata/dt_ms": ONES, "node/metadata/dtype": ONES}
    assert repr(edited(graph, changes)) == plain
    assert repr(edited(graph, {"node/metadata": ONES})) == plain
    with pytest.raises(errors.ParameterError, match="got no dt"):
        edited(graph, {"node/metadata/dt_ms": "x"}, dt=None)
    scaled = chain(nir.Scale(np.array([1.0, 2.0, 3.0])))
    assert edited(scaled, {"node/nodes/n0/metadata/factor": 1.0})[0].factor.tolist() == [1.0, 2.0, 3.0]
    assert here.from_graph(here.to_graph(nn.Sequential(nn.Linear(3, 3), nn.Scale(7.1))))[1].factor == 7.1
    cell = here.to_graph(nn.Sequential(neurons.HardResetIF(3, dt=1.0)))
    levels = edited(cell, {"node/nodes/0_HardResetIF/v_threshold": np.array([1, 2, 3])})[0].value("v_threshold")
    assert levels.tolist() == pytest.approx([1.0, 2.0, 3.0])


N = "node/nodes/"
FILES: dict[str, tuple[dict[str, Any], type[errors.RheobaseError], str]] = {
    "a later version": ({"version": "2.0.0"}, errors.DataError, r"a graph of NIR 2\.0\.0; expected NIR 0 or 1"),
    "a parameter that NIR has not": (
        {f"{N}n0/refractory": ONES},
        errors.NotRepresentable,
        "node 'n0': got the parameter 'refractory' of LIF",
    ),
    "an integrator of another version": (
        {f"{N}n0/metadata/integrator": "Magic()"},
        errors.NotRepresentable,
        r"\(LIF\): got the integrator Magic\(\)",
    ),
    "a type that is numbers": ({f"{N}n0/type": ONES}, errors.NotRepresentable, "'n0': got the type"),
    "no number in a shape": ({f"{N}input/shape": [np.nan]}, errors.DataError, r"'input': got the shape \[nan\]"),
    "text for a shape": ({f"{N}input/shape": "abc"}, errors.DataError, "the shape .'abc'"),
    "half a neuron": ({f"{N}input/shape": [3.5]}, errors.DataError, r"the shape \[3\.5\]"),
    "edges of numbers": ({"node/edges": ONES}, errors.DataError, r"the edge 1\.0; expected a pair"),
    "one number for edges": ({"node/edges": 1.0}, errors.DataError, r"the edge 1\.0; expected a pair"),
    "text for r": ({f"{N}n0/r": "x"}, errors.DataError, "no finite numbers"),
}


@pytest.mark.parametrize("name", FILES)
def test_files_that_say_something_else(name: str, edited: Any) -> None:
    changes, kind, says = FILES[name]
    with pytest.raises(kind, match=says):
        edited(chain(lif()), changes)
    assert edited(chain(lif()), {"version": None})[0].dt == 1.0


def test_an_unknown_integrator_may_be_given(edited: Any) -> None:
    net = edited(chain(lif()), {f"{N}n0/metadata/integrator": "Magic()"}, integrator=integrators.Euler())
    assert net[0].integrator == integrators.Euler()


def test_a_matrix_without_end_is_damaged(tmp_path: Path) -> None:
    nir.write(tmp_path / "a.nir", chain(nir.Linear(np.eye(3))))
    with h5py.File(tmp_path / "a.nir", "a") as file:
        del file["node/nodes/n0/weight"]
        file.create_dataset("node/nodes/n0/weight", shape=(10**6, 10**8), dtype="f8", chunks=(10, 10))
    with pytest.raises(errors.DataError, match="a damaged or truncated file"):
        here.read(tmp_path / "a.nir")


def test_names_do_not_clash() -> None:
    """A subgraph `a` with a node `b` beside a node `a.b`; a node `n` with an r beside `n.r`; ends with dots."""
    ends = {"in.input": nir.Input(np.array([3])), "in.output": nir.Output(np.array([3]))}
    inner = {"input": nir.Input(np.array([3])), "b": nir.Scale(2 * ONES), "output": nir.Output(np.array([3]))}
    sub = nir.NIRGraph(inner, [("input", "b"), ("b", "output")], type_check=False)
    graph = nir.NIRGraph(
        {**ends, "a": sub, "a.b": nir.Scale(5 * ONES)},
        [("in.input", "a"), ("a", "a.b"), ("a.b", "in.output")],
        type_check=False,
    )
    assert here.from_graph(graph)(torch.ones(1, 1, 3))[0].tolist() == [[[10.0] * 3]]
    graph = nir.NIRGraph(
        {**ends, "n": nir.I(2e3 * ONES), "n.r": nir.LI(0.01 * ONES, 2 * ONES, 0 * ONES)},
        [("in.input", "n.r"), ("n.r", "n"), ("n", "in.output")],
        type_check=False,
    )
    kinds = [type(layer).__name__ for layer in here.from_graph(graph, dt=1.0).layers]
    assert kinds == ["Scale", "LI", "PureIntegrator"]
    graph.nodes["n/r"] = nir.Scale(ONES)
    with pytest.raises(errors.DataError, match="a node named 'n/r'"):
        here.from_graph(graph, dt=1.0)


@pytest.mark.parametrize("order", [1, -1])
def test_layers_may_be_called_as_the_nodes_of_others(order: int) -> None:
    """`a_lateral` is the matrix of a Recurrent `a`, too."""
    torch.manual_seed(0)
    layers = {"a": nn.Recurrent(neurons.HardResetIF(3, dt=1.0)), "a_lateral": nn.Linear(3, 3)}
    edges = [("input", "a"), ("a", "a_lateral"), ("a_lateral", "output")]
    net = nn.Sequential(nn.Graph(dict(list(layers.items())[::order]), edges))
    found = here.round_trip(net, 2 * torch.rand(12, 2, 3))
    assert found.exact, found
    assert found.spikes > 5


def test_a_network_in_training_stays_so() -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5), here.Threshold(0.1)).train()
    assert here.round_trip(net, torch.rand(5, 2, 3), allow=("dropout",)).exact
    assert all(part.training for part in net.modules())


@pytest.mark.parametrize("cls", [neurons.HardResetIF, neurons.CubaLIF])
def test_what_was_learned_is_written_and_not_its_raw_form(cls: Any) -> None:
    torch.manual_seed(3)
    net = nn.Sequential(cls(4, dt=1.0, learn=tuple(cls.params)))
    with torch.no_grad():
        for raw in net.parameters():
            raw.add_(0.37 * torch.randn(()))
    graph = here.to_graph(net, allow=("soft_reset",))
    (node,) = (node for name, node in graph.nodes.items() if name.startswith("0_"))
    assert node.v_threshold == pytest.approx(float(net[0].value("v_threshold").detach()), rel=1e-6)
    again = here.from_graph(graph)
    assert all(torch.equal(a, b) for a, b in zip(net.state_dict().values(), again.state_dict().values(), strict=True))


class OwnSurrogate(ATan):
    """One of one's own."""


class OwnStep:
    order = 1

    def step(self, f: Any, s: Any, dt: Any) -> Any:
        return Euler().step(f, s, dt)


@pytest.mark.parametrize("name", ["surrogate", "integrator"])
def test_choices_of_ones_own_are_a_loss(name: str) -> None:
    own: Any = {"surrogate": OwnSurrogate, "integrator": OwnStep}[name]()
    net = nn.Sequential(neurons.HardResetLIF(2, dt=1.0, **{name: own}))
    with pytest.raises(errors.NotRepresentable, match=rf'layer 0: got the {name} Own\w+.*allow=\("own_{name}",\)'):
        here.to_graph(net)
    (again,) = here.from_graph(here.to_graph(net, allow=(f"own_{name}",))).layers
    assert repr(getattr(again, name)) == repr(getattr(neurons.HardResetLIF(2, dt=1.0), name))


@pytest.mark.parametrize("name", [n for n in neurons.__all__ if getattr(neurons, n) not in WRITTEN])
def test_each_neuron_without_a_node_is_refused_by_name(name: str) -> None:
    cls: Any = getattr(neurons, name)
    try:
        cell = cls(2)
    except errors.ParameterError:
        cell = cls(2, dt=0.1)
    for layer in (cell, nn.Graph({"a": cell}, [("input", "a"), ("a", "output")])):
        with pytest.raises(errors.NotRepresentable, match=rf"got {name}.*no node in NIR"):
            here.to_graph(nn.Sequential(layer), shape=2)
