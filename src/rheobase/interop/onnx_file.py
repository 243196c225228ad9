"""A network as an ONNX file, and the file run beside the network."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rheobase.errors import BackendUnavailable, DataError
from rheobase.files import atomic_write, why
from rheobase.interop.exported import plain, sizes_of
from rheobase.interop.onnx_graph.builder import IR_VERSION, OPSET, Builder
from rheobase.interop.onnx_graph.layers import chain
from rheobase.learning.layers import spiking_layer
from rheobase.learning.metrics import onsets
from rheobase.nn import Sequential
from rheobase.version import __version__

INPUT, OUTPUT = "x", "out"
LAYER = "layer"


def to_onnx(net: Sequential, path: str | Path, *, shape: int | Sequence[int], dtype: torch.dtype | None = None) -> None:
    """Write a network as an ONNX file that any runtime runs, for sequences of any length and batches of any size.

    The file has one input `x` (time, batch, *shape) and one output `out` (time, batch, ...). Each layer of neurons is a
    loop (`Scan`) over the step that the neuron declares, from rest; what depends on parameters alone is computed here.
    The network is written as it is in eval mode. `dtype` is the type of all its numbers: float32 or float64, by default
    that of the weights.

    Numerics: a runtime adds up products in another order than torch. In float32 a neuron that comes within some 1e-7 of
    its threshold may fire in the one and not in the other; `run_onnx` counts how many did. In float64 that is next to
    impossible.

    Raises: `NotRepresentable` for layers without a form here, and for neurons that draw random numbers, have several
    inputs or whose equations are no graph, each by its name; `ParameterError`; `StorageError`; `BackendUnavailable`
    without the package onnx.

    >>> import tempfile
    >>> from rheobase import neurons, nn
    >>> net = nn.Sequential(
    ...     nn.Linear(4, 3), nn.Recurrent(neurons.LIF(3, dt=1.0)), nn.Linear(3, 2), neurons.LI(2, dt=1.0)
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     to_onnx(net, f"{folder}/net.onnx", shape=4)
    ...     found = run_onnx(f"{folder}/net.onnx", net, torch.rand(20, 2, 4) * 9)
    >>> found.differing
    0
    """
    _wanted("onnx")
    from onnx import checker, helper

    sizes = sizes_of("to_onnx", shape)
    net, dtype = plain("to_onnx", net, dtype)
    b = Builder(dtype)
    last = chain(b, net, INPUT, LAYER)
    b.put("Identity", last, results=[OUTPUT])
    with torch.no_grad():
        seen, _ = net(torch.zeros(1, 1, *sizes, dtype=dtype))  # where the shape does not fit, the layer says so
    x = helper.make_tensor_value_info(INPUT, b.kind, ["time", "batch", *sizes])
    out = helper.make_tensor_value_info(OUTPUT, b.kind, ["time", "batch", *seen.shape[2:]])
    graph = helper.make_graph(b.nodes, "network", [x], [out], b.weights, doc_string=repr(net))
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="rheobase", producer_version=__version__
    )
    model.ir_version = IR_VERSION
    checker.check_model(model)
    atomic_write(Path(path), model.SerializeToString())


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """A file beside the network that it was made of, run on the same sequences.

    spikes      of all layers of neurons, in the network; of graded cells, upward crossings of 0.5
    differing   steps at which one has a spike and the other has not
    deviation   the largest difference of a value of layers that give no plain spikes, as a share of the layer's largest
    layers      how many were compared
    """

    spikes: int
    differing: int
    deviation: float
    layers: int


@torch.no_grad()
def run_onnx(path: str | Path, net: Sequential, x: Tensor) -> Agreement:
    """Run a file of `to_onnx` in onnxruntime, and the network it was made of, on x (time, batch, ...), and compare.

    The network runs in the type of the file.

    Raises: `BackendUnavailable` without onnx and onnxruntime; `DataError` for a file that is none, or of another
    network.
    """
    _wanted("onnx")
    _wanted("onnxruntime")
    import onnx

    try:
        model = onnx.load(str(path))
        dtype = (
            torch.float64
            if model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.DOUBLE
            else torch.float32
        )
        names = [f"{LAYER}.{k}" for k in range(len(net))]
        made = {name for node in model.graph.node for name in node.output}
    except Exception as error:
        given = f"a file that cannot be read ({why(error)})"
        raise DataError(str(path), given, "a file of to_onnx", "write it again") from error
    if not made.issuperset(names):
        raise DataError(str(path), "a file of another network", f"{len(net)} layers", "give the network it was made of")
    net, _ = plain("run_onnx", net, dtype)
    wanted = net.outputs(x.to(dtype))
    found = _run(model, names, x.to(dtype))
    spikes = differing = 0
    gaps = [0.0]
    for layer, ours, theirs in zip(net.layers, wanted, found, strict=True):
        kind = spiking_layer(layer)
        if kind is not None:
            fired, other = (onsets(ours), onsets(theirs)) if kind.graded else (ours, theirs)
            spikes += int(fired.count_nonzero())
            differing += int((fired != other).count_nonzero())
        if kind is None or kind.graded:
            largest = float(ours.abs().max()) or 1.0
            gaps.append(float((ours - theirs).abs().max()) / largest)
    deviation = float(
        torch.tensor(gaps, dtype=torch.float64).max()
    )  # NaN where there is one, which Python's max may pass over
    return Agreement(spikes=spikes, differing=differing, deviation=deviation, layers=len(names))


def _run(model: Any, names: Sequence[str], x: Tensor) -> list[Tensor]:
    """The named values of a model, in onnxruntime, on as many threads as torch has."""
    import onnxruntime
    from onnx import helper

    model = copy.deepcopy(model)
    kind = model.graph.input[0].type.tensor_type.elem_type
    model.graph.output.extend(helper.make_tensor_value_info(name, kind, None) for name in names)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return [torch.from_numpy(value) for value in session.run(list(names), {INPUT: x.cpu().contiguous().numpy()})]


def _wanted(package: str) -> None:
    from importlib.util import find_spec

    if find_spec(package) is None:
        remedy = "pip install 'rheobase[onnx]'"
        raise BackendUnavailable("ONNX", f"no package {package}", "onnx and onnxruntime", remedy)
