"""A network as a file of torch.export, and that file read again."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from rheobase.engine.operators import scan, sequence, taps
from rheobase.errors import DataError, NotRepresentable, ParameterError
from rheobase.files import atomic_write, why
from rheobase.interop.exported import check_neurons, plain, sizes_of
from rheobase.nn import Sequential

# torch reads a file only where the operators in it are known: these modules define them when they are imported
OPERATORS = (scan, sequence, taps)
LONGEST = 2**20  # steps, and samples


class _Out(nn.Module):
    """The output of a network from rest, without its states."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)[0]


def to_torch_export(net: Sequential, path: str | Path, *, shape: int | Sequence[int]) -> None:
    """Write a network as an exported program of torch (.pt2), for sequences of any length and batches of any size.

    The program takes x (time, batch, *shape) and gives out (time, batch, ...), from rest, as the network does in eval
    mode: the same operators run, so that the output has the same bits. Nothing builds the network where it is read;
    the operators come with rheobase:

        import torch, rheobase.interop
        program = torch.export.load("net.pt2").module()

    or `from_torch_export`, which says in a sentence what is wrong with a file.

    Raises: `NotRepresentable` for neurons that draw random numbers, or whose equations are no graph, by their names,
    and for what torch cannot export; `ParameterError`; `ShapeError` for a shape that the network does not take;
    `StorageError`.

    >>> import tempfile
    >>> from rheobase import neurons, nn
    >>> net = nn.Sequential(nn.Linear(4, 3), neurons.LIF(3, dt=1.0))
    >>> x = torch.rand(20, 2, 4) * 9
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     to_torch_export(net, f"{folder}/net.pt2", shape=4)
    ...     same = torch.equal(from_torch_export(f"{folder}/net.pt2")(x), net(x)[0])
    >>> same
    True
    """
    if Path(path).suffix != ".pt2":
        raise ParameterError("to_torch_export", f"{path}", "a name that ends in .pt2", "torch loads no other")
    sizes = sizes_of("to_torch_export", shape)
    net, dtype = plain("to_torch_export", net)
    check_neurons("to_torch_export", net, dtype)
    x = torch.zeros(3, 2, *sizes, dtype=dtype)
    free = {"x": {0: torch.export.Dim("time", min=1, max=LONGEST), 1: torch.export.Dim("batch", min=1, max=LONGEST)}}
    with torch.no_grad():
        net(x)  # where the shape does not fit, the layer says so
        try:
            program = torch.export.export(_Out(net), (x,), dynamic_shapes=free)
        except Exception as error:
            given = f"a network that torch cannot export ({' '.join(str(error).split())[:300]})"
            raise NotRepresentable(
                "to_torch_export", given, "layers that torch.export takes", "export to ONNX"
            ) from error
    file = io.BytesIO()
    torch.export.save(program, file)
    atomic_write(Path(path), file.getvalue())


def from_torch_export(path: str | Path) -> nn.Module:
    """The network of a file of `to_torch_export`: x (time, batch, ...) to out (time, batch, ...), from rest.

    Raises: `DataError` for a file that is none.
    """
    try:
        return torch.export.load(io.BytesIO(Path(path).read_bytes())).module()
    except Exception as error:
        given = f"a file that cannot be read ({why(error)})"
        raise DataError(str(path), given, "a file of to_torch_export", "write it again") from error
