"""Rows of torch's profiler that carry the names of layers: `1: LIF` is the layer 1 of a network, a LIF.

Where no profiler runs, a layer asks whether one does and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

import torch
from torch import nn
from torch._C._autograd import _profiler_enabled  # pyright: ignore[reportPrivateUsage]
from torch.autograd.profiler import record_function

# of the network that runs: the row of each of its modules, by `id`
_ROWS: ContextVar[Mapping[int, str]] = ContextVar("rows")
# of the layer that runs, for its backward
_ROW: ContextVar[str | None] = ContextVar("row", default=None)


def label(path: str, module: nn.Module) -> str:
    """The name of a layer of a network, and its class.

    >>> label("2.0", nn.ReLU()), label("", nn.ReLU())
    ('2.0: ReLU', 'ReLU')
    """
    kind = type(module).__name__
    return f"{path}: {kind}" if path else kind


def profiled() -> bool:
    """Whether a profiler records what runs now. Graphs of torch.compile and torch.export hold no rows."""
    return not torch.compiler.is_compiling() and _profiler_enabled()


@contextmanager
def named_rows(net: nn.Module) -> Generator[None]:
    """Inside, the rows of the layers of `net` have its names for them; a network within another has those of the whole.

    `nn.Sequential` does so itself. For a network of another class, whose layers do not know what it calls them:

    >>> import torch
    >>> from rheobase import neurons
    >>> class Net(torch.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.hidden = neurons.LIF(3, dt=1.0)
    ...
    ...     def forward(self, x):
    ...         return self.hidden(x)[0]
    >>> net = Net()
    >>> with torch.autograd.profiler.profile(use_kineto=False) as found, named_rows(net):
    ...     _ = net(torch.zeros(5, 1, 3))
    >>> "hidden: LIF" in {event.name for event in found.function_events}
    True
    """
    if id(net) in _ROWS.get({}):
        yield
        return
    before = _ROWS.set({id(module): label(path, module) for path, module in net.named_modules()})
    try:
        yield
    finally:
        _ROWS.reset(before)


@contextmanager
def row_of(module: nn.Module) -> Generator[None]:
    """Inside, what runs is in the row of `module`."""
    row = _ROWS.get({}).get(id(module)) or label("", module)
    before = _ROW.set(row)
    try:
        with record_function(row):
            yield
    finally:
        _ROW.reset(before)


def in_row(module: nn.Module, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """`call(*args, **kwargs)`, in the row of `module` where a profiler runs."""
    if not profiled():
        return call(*args, **kwargs)
    with row_of(module):
        return call(*args, **kwargs)


def present_row() -> str | None:
    """The row of the layer that runs now; None where no profiler runs."""
    return _ROW.get() if profiled() else None


def backward_row(row: str | None) -> AbstractContextManager[Any]:
    """Inside, what runs is in the row of the backward of a layer: `1: LIF, backward`."""
    return nullcontext() if row is None else record_function(f"{row}, backward")
