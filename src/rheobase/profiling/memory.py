"""The memory of a piece of work: its peak, and what a forward keeps for its backward."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torch._C._autograd import _disable_profiler_legacy, _enable_profiler_legacy  # pyright: ignore[reportPrivateUsage]
from torch._C._profiler import ProfilerConfig, ProfilerState, _ExperimentalConfig  # pyright: ignore[reportPrivateUsage]

from rheobase.core.execution.profiler_rows import profiled


def peak(work: Callable[[], object], device: torch.device) -> int | None:
    """The most bytes of torch's allocator in use at once during `work`, above those before it; None where unknown.

    >>> peak(lambda: torch.zeros(1000).exp(), torch.device("cpu"))
    8000
    """
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        work()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device) - before
    if device.type != "cpu" or profiled():
        return None
    # the newer profiler hears of allocations too, but writes lines on standard error
    _enable_profiler_legacy(_allocations())
    try:
        work()
    finally:
        heard = _disable_profiler_legacy()
    now = most = 0
    for event in (event for thread in heard for event in thread if event.kind() == "memory_alloc"):
        now += event.cpu_memory_usage()
        most = max(most, now)
    return most


def _allocations() -> ProfilerConfig:
    """Of the old profiler: no shapes, no stacks, but every allocation."""
    return ProfilerConfig(ProfilerState.CPU, False, True, False, False, False, _ExperimentalConfig())


def kept(forward: Callable[[], Iterable[Tensor]], others: Iterable[Tensor]) -> int:
    """Bytes that stay after `forward` until its backward: its results, and what it saves that is none of `others`.

    >>> x = torch.ones(1000, requires_grad=True)
    >>> kept(lambda: [x.exp()], [x])
    4000
    """
    known = {_place(t) for t in others}
    found: dict[int, int] = {}

    def saved(tensor: Tensor) -> Tensor:
        found[_place(tensor)] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(saved, lambda tensor: tensor):
        for out in forward():
            saved(out)
    return sum(size for place, size in found.items() if place not in known)


def _place(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
