"""The calls of a network's parts in one run of it, so that each can be made again by itself."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_map

from rheobase.core.execution.profiler_rows import label
from rheobase.errors import ParameterError, RheobaseError
from rheobase.learning.training.random_state import seeded


@dataclass
class Call:
    """One call of a module: its arguments, cut off from what made them, and the tensor that came out.

    `writes`: it works in place, on a copy of them, then.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    writes: bool
    out: Tensor | None = None

    @property
    def tensors(self) -> list[Tensor]:
        """All tensors among the arguments."""
        return [t for t in tree_flatten((self.args, self.kwargs))[0] if isinstance(t, Tensor)]

    def again(self, module: nn.Module) -> Tensor | None:
        """Make the call once more: the first tensor of what comes out."""
        args, kwargs = self.args, self.kwargs
        if self.writes:
            args, kwargs = tree_map(lambda value: value.clone() if isinstance(value, Tensor) else value, (args, kwargs))
        return first(module(*args, **kwargs))


def first(returned: Any) -> Tensor | None:
    """The tensor that a module returned, alone or at the head of a tuple; None for anything else."""
    found = returned[0] if isinstance(returned, tuple) and returned else returned
    return found if isinstance(found, Tensor) else None


@contextmanager
def unchanged(net: nn.Module, device: torch.device) -> Generator[None]:
    """Inside, a network may run; afterwards its buffers (running means, say) and the random numbers are as before."""
    before = {name: buffer.clone() for name, buffer in net.named_buffers()}
    with seeded(0, device), torch.enable_grad():
        try:
            yield
        finally:
            with torch.no_grad():
                for name, buffer in net.named_buffers():
                    if name in before:
                        buffer.copy_(before[name])


class Between(TorchFunctionMode):
    """The functions of torch that a network calls outside the modules that are watched, by name, with their results.

    Results are numbers of values, and only those of floating tensors are kept.
    """

    def __init__(self) -> None:
        super().__init__()
        self.inside: list[str] = []
        self.found: dict[str, list[int]] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        if not self.inside and isinstance(made, Tensor) and made.is_floating_point():
            self.found.setdefault(func.__name__, []).append(made.numel())
        return made


def calls_of(
    net: nn.Module,
    modules: Mapping[str, nn.Module],
    run: Callable[[], Any],
    *,
    owner: str,
    between: Between | None = None,
) -> tuple[dict[str, list[Call]], Any]:
    """Run, and hold every call of these modules by their path; and what the run returned.

    `owner` names the function of which errors speak; `between` hears of what runs outside these modules.

    Raises: `ParameterError` where a module does not take what it gets, with its name and torch's words.
    """
    calls: dict[str, list[Call]] = {path: [] for path in modules}
    inside: list[str] = [] if between is None else between.inside

    def before(path: str) -> Any:
        def hook(module: nn.Module, args: Any, kwargs: Any) -> None:
            inside.append(path)
            writes = bool(getattr(module, "inplace", False))
            held_args, held_kwargs = _held((args, kwargs), copy=writes)
            calls[path].append(Call(held_args, held_kwargs, writes))

        return hook

    def after(path: str) -> Any:
        def hook(module: nn.Module, args: Any, kwargs: Any, returned: Any) -> None:
            inside.pop()
            found = first(returned)
            calls[path][-1].out = None if found is None else found.detach()

        return hook

    handles: list[Any] = []
    for path, module in modules.items():
        handles.append(module.register_forward_pre_hook(before(path), with_kwargs=True))
        handles.append(module.register_forward_hook(after(path), with_kwargs=True))
    try:
        with nullcontext() if between is None else between:
            return calls, run()
    except RheobaseError:
        raise
    except (RuntimeError, TypeError, ValueError, AttributeError) as error:
        at = label(inside[-1], modules[inside[-1]]) if inside else type(net).__name__
        shapes = [tuple(t.shape) for t in calls[inside[-1]][-1].tensors] if inside else []
        given = f"{', '.join(map(str, shapes)) or 'x'}, which it does not take: {str(error).splitlines()[0]}"
        remedy = f"{owner}(net, x) with an x that net(x) takes"
        raise ParameterError(f"{owner}, {at}", given, "a network that runs on x", remedy) from error
    finally:
        for handle in handles:
            handle.remove()


def _held(arguments: Any, *, copy: bool) -> Any:
    """The same arguments, as leaves that want a gradient where the originals did. `copy`: of what is written into."""

    def leaf(value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        held = value.detach().clone() if copy else value.detach()
        return held.requires_grad_(value.requires_grad)

    return tree_map(leaf, arguments)
