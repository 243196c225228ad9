"""Networks to NIR and back: in files, and as the objects of the package nir."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rheobase import nn
from rheobase.checks import is_number
from rheobase.core import Neuron
from rheobase.core.integrators import Integrator
from rheobase.errors import BackendUnavailable, ParameterError, nearest
from rheobase.files import atomic_write
from rheobase.interop.exported import plain, sizes_of
from rheobase.interop.nir.file import read_tree
from rheobase.interop.nir.hdf5_tree import plain_value
from rheobase.interop.nir.layers import Made
from rheobase.interop.nir.losses import checked
from rheobase.interop.nir.reading import RESETS, Reader
from rheobase.interop.nir.wiring import metadata_of, wiring
from rheobase.interop.nir.writing import graph
from rheobase.version import __version__

OLDEST = "1.0.7"


def write(
    net: nn.Sequential,
    path: str | Path,
    *,
    shape: int | Sequence[int] | None = None,
    dt: float | None = None,
    allow: Iterable[str] = (),
) -> None:
    """Write a network as a .nir file, which any tool of NIR reads.

    Times are written in seconds. What NIR has no place for (dt, the integrator, surrogates, exact values in ms) lies in
    the metadata, which no other tool needs; with it, `read` builds the same network, bit for bit. `shape` is that of
    one step of one sample, where the first layer does not say it, `dt` the step in ms of a network in which no neuron
    has one, for its delays. `allow` names losses (`LOSSES`).

    Raises: `NotRepresentable` for layers and neurons without a node, and for losses that were not allowed;
    `ParameterError`; `ShapeError`; `StorageError`; `BackendUnavailable` without the package nir.

    >>> import tempfile
    >>> from rheobase import neurons
    >>> net = nn.Sequential(nn.Linear(4, 3), neurons.HardResetLIF(3, dt=1.0))
    >>> x = 9 * torch.rand(20, 2, 4)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(net, f"{folder}/net.nir")
    ...     same = torch.equal(read(f"{folder}/net.nir")(x)[0], net(x)[0])
    >>> same
    True
    """
    made, file = to_graph(net, shape=shape, dt=dt, allow=allow), io.BytesIO()
    _package("write").write(file, made)
    atomic_write(Path(path), file.getvalue())


def to_graph(
    net: nn.Sequential, *, shape: int | Sequence[int] | None = None, dt: float | None = None, allow: Iterable[str] = ()
) -> Any:
    """The nir.NIRGraph of a network; arguments and errors as of `write`.

    >>> from rheobase import neurons
    >>> graph = to_graph(nn.Sequential(nn.Linear(4, 3), neurons.HardResetLIF(3, dt=1.0)))
    >>> [type(node).__name__ for node in graph.nodes.values()]
    ['Input', 'Affine', 'LIF', 'Output']
    """
    nir, allowed = _package("write"), checked("nir.write", allow)
    net, dtype = plain("nir.write", net)
    if dt is not None and (not is_number(dt, above=0) or net.dt not in (None, dt)):
        given = f"dt = {dt!r}" + (f", and neurons with dt={net.dt}" if net.dt is not None else "")
        raise ParameterError("nir.write", given, "the step in ms, that of its neurons", "leave it out")
    dt = net.dt if dt is None else float(dt)
    sizes = _first(net) if shape is None else sizes_of("nir.write", shape)
    notes: dict[str, Any] = {
        "made_by": f"rheobase {__version__}",
        "time_unit": "s",
        "potential_unit": "1",
        "dtype": str(dtype).removeprefix("torch."),
    }
    if dt is not None:
        notes |= {"dt_ms": np.float64(dt), "dt": np.float64(dt / 1000.0)}
    return graph(nir, net, sizes, dt, dtype, allowed, notes, "nir.write")


def read(
    path: str | Path,
    *,
    dt: float | None = None,
    integrator: Integrator | None = None,
    reset: str | None = None,
    dtype: torch.dtype | None = None,
    allow: Iterable[str] = (),
) -> nn.Sequential:
    """The network of a .nir file, of any version of NIR since 0.1.

    A chain of nodes becomes a chain of layers, a neuron that feeds itself through a matrix an `nn.Recurrent`, any other
    graph one `nn.Graph`.

    dt          the step in ms; files written here say theirs. NIR counts in seconds: steps of 1e-4 s are dt=0.1
    integrator  of all neurons; by default that of the file, else `ExpEuler`, which is exact for a constant input.
                Others step by Euler: `Euler()` for Norse and SpikingJelly, `InOrder()` for snnTorch
    reset       "file": to v_reset, which is 0 where a file has none; "subtract": the threshold is subtracted, which NIR
                cannot say; "subtract_later": at the next step, as snnTorch does by default. None is that of the file
    dtype       of the numbers; by default float64 where weights of the file are
    allow       names of losses (`LOSSES`)

    Raises: `DataError` for a file that is damaged or no NIR graph, and for shapes that do not fit; `NotRepresentable`
    for nodes of an unknown type, several inputs or outputs, and losses; `ParameterError` for a missing dt.

    >>> read("missing.nir")
    Traceback (most recent call last):
        ...
    rheobase.errors.DataError: missing.nir: got No such file or directory; expected an HDF5 file with a NIR graph, ...
    """
    tree = read_tree(Path(path))
    return _network(tree, Path(path).name, dt, integrator, reset, dtype, allow)


def shape_of(path: str | Path) -> tuple[int, ...]:
    """The sizes of one step of one sample that the graph in a file takes. Raises as `read`.

    >>> import tempfile
    >>> from rheobase import neurons
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(nn.Sequential(nn.Linear(4, 3), neurons.HardResetLIF(3, dt=1.0)), f"{folder}/net.nir")
    ...     shape_of(f"{folder}/net.nir")
    (4,)
    """
    return wiring(read_tree(Path(path)), Path(path).name).shape


def from_graph(
    graph: Any,
    *,
    dt: float | None = None,
    integrator: Integrator | None = None,
    reset: str | None = None,
    dtype: torch.dtype | None = None,
    allow: Iterable[str] = (),
) -> nn.Sequential:
    """The network of a nir.NIRGraph; arguments and errors as of `read`.

    >>> from rheobase import neurons
    >>> graph = to_graph(nn.Sequential(nn.Linear(4, 3), neurons.HardResetLIF(3, dt=1.0)))
    >>> [type(layer).__name__ for layer in from_graph(graph)]
    ['Linear', 'HardResetLIF']
    """
    if not hasattr(graph, "to_dict") or not hasattr(graph, "edges"):
        given = f"a {type(graph).__name__}"
        raise ParameterError("nir.from_graph", given, "a nir.NIRGraph", "nir.read(path) reads a file")
    return _network(_plain_tree(graph.to_dict()), "nir.from_graph", dt, integrator, reset, dtype, allow)


def _network(
    tree: Mapping[str, Any],
    owner: str,
    dt: float | None,
    integrator: Integrator | None,
    reset: str | None,
    dtype: torch.dtype | None,
    allow: Iterable[str],
) -> nn.Sequential:
    if dt is not None and not is_number(dt, above=0):
        raise ParameterError("nir.read", f"dt = {dt!r}", "a finite number > 0, in ms", "dt=0.1 is 1e-4 s")
    if integrator is not None and (isinstance(integrator, type) or not isinstance(integrator, Integrator)):
        raise ParameterError("nir.read", f"integrator {integrator!r}", "an object with a step", "integrators.Euler()")
    if reset is not None and reset not in RESETS:
        raise ParameterError("nir.read", f"reset {reset!r}", "the name of a reset", nearest(str(reset), RESETS))
    if dtype not in (None, torch.float32, torch.float64):
        raise ParameterError("nir.read", f"dtype = {dtype}", "torch.float32 or torch.float64", "leave it out")
    found = wiring(tree, owner)
    noted = found.metadata.get("dt_ms")
    if dt is None and noted is not None and is_number(float(noted), above=0):
        dt = float(noted)
    made = Made(dt, dtype or _dtype(tree), checked("nir.read", allow))
    return Reader(made, reset, integrator).network(found)


def _dtype(tree: Mapping[str, Any]) -> torch.dtype:
    """float64 where the file was made of it, or where its weights are."""
    noted = metadata_of(tree).get("dtype")
    if noted in ("float32", "float64"):
        return getattr(torch, noted)
    weights = [part["weight"] for part in _parts(tree) if "weight" in part]
    return torch.float64 if any(np.asarray(w).dtype == np.float64 for w in weights) else torch.float32


def _parts(tree: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for part in tree.get("nodes", {}).values():
        found += _parts(part) if "nodes" in part else [part]
    return found


def _plain_tree(tree: Mapping[str, Any]) -> dict[str, Any]:
    """The dictionary of a graph of nir, its values as those of a file."""
    return {
        key: _plain_tree(value) if isinstance(value, Mapping) else plain_value(value)
        for key, value in tree.items()
        if value is not None
    }


def _first(net: nn.Sequential) -> tuple[int, ...]:
    """The shape that the first layer takes. Raises `ParameterError` where it does not say."""
    layer: Any = net
    while isinstance(layer, nn.Sequential):
        layer = layer[0]
    if isinstance(layer, torch.nn.Linear):
        return (layer.in_features,)
    cell = layer if isinstance(layer, Neuron) else getattr(layer, "neuron", None)
    if isinstance(cell, Neuron):
        return cell.shape
    if isinstance(layer, nn.AxonalDelay):
        return layer.shape
    given = f"no shape, and {type(layer).__name__} as the first layer, which takes several"
    raise ParameterError("nir.write", given, "the sizes of one step of one sample", "shape=(2, 34, 34), say")


def _package(owner: str) -> Any:
    """The package nir. Raises `BackendUnavailable`."""
    remedy = "pip install 'rheobase[nir]'"
    if find_spec("nir") is None:
        raise BackendUnavailable(f"nir.{owner}", "no package nir", f"nir >= {OLDEST}", remedy)
    import nir

    if not hasattr(nir, "CubaLI"):
        raise BackendUnavailable(f"nir.{owner}", f"nir {getattr(nir, 'version', '')}", f"nir >= {OLDEST}", remedy)
    return nir


__all__ = ["from_graph", "read", "shape_of", "to_graph", "write"]
