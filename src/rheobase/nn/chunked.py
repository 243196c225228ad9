"""Gradient checkpointing along time: a network run in chunks saves only the states between them for backward."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_unflatten
from torch.utils.checkpoint import get_device_states, set_device_states

from rheobase.checks import is_whole
from rheobase.core.execution.check import check_lengths, check_tensor
from rheobase.errors import ParameterError
from rheobase.nn.stateful import Stateful


class Chunked(Stateful):
    """A network run in chunks of `steps` time steps; the backward pass runs each chunk again, from the state before it.

    The backward pass needs memory for one chunk instead of the whole sequence, and one more forward pass. Output and
    gradients are those of the whole run to rounding, since all state is an argument and a result, masks of dropout
    included. The second run uses the same autocast, modes (train or eval) and random numbers as the first, as in
    torch.utils.checkpoint. The backward pass refuses weights or buffers that were changed in place in between.

    Shapes: those of the network.

    Raises: `ParameterError` for steps < 1, or a network with batch normalisation, whose statistics a chunk does not
    know; `RuntimeError` from backward where weights or buffers were changed in the meantime.

    Reference: Chen, Xu, Zhang & Guestrin, arXiv 1604.06174 (2016), for recomputation; here along time.

    >>> from rheobase import neurons
    >>> from rheobase.nn import Sequential
    >>> lean = Chunked(Sequential(nn.Linear(4, 3), neurons.LIF(3, dt=1.0)), steps=25)
    >>> out, states = lean(torch.rand(100, 2, 4))
    >>> out.shape
    torch.Size([100, 2, 3])
    """

    def __init__(self, net: nn.Module, *, steps: int):
        super().__init__()
        if not is_whole(steps, 1):
            raise ParameterError(
                "Chunked", f"steps = {steps!r}", "an integer >= 1", "about the square root of the length"
            )
        for part in net.modules():
            if isinstance(part, nn.modules.batchnorm._BatchNorm):  # pyright: ignore[reportPrivateUsage]
                raise ParameterError("Chunked", repr(part), "layers that act step by step", "normalise otherwise")
        self.net, self.steps = net, steps

    def forward(
        self, x: Tensor, state: Any = None, *, lengths: Tensor | None = None, backend: str = "auto"
    ) -> tuple[Tensor, Any]:
        check_tensor("Chunked", "input", x)
        if lengths is not None:
            check_lengths("Chunked", x, lengths)

        def run(chunk: Tensor, start: int, before: Any) -> tuple[Tensor, Any]:
            left = None if lengths is None else (lengths - start).clamp(0, len(chunk))
            return self.net(chunk, before, lengths=left, backend=backend)

        leaves, form = tree_flatten(state)
        weights = [p for p in self.net.parameters() if p.requires_grad]
        others = [p for p in (*self.net.parameters(), *self.net.buffers()) if not p.requires_grad]
        # the form of the final state comes back through a cell, since only tensors pass an autograd function
        end: list[Any] = []
        ambient = Ambient(self.net, x.device.type)
        out, *after = _Chunks.apply(run, self.steps, form, end, x, len(leaves), ambient, others, *leaves, *weights)
        return out, tree_unflatten(after, end[0])

    def extra_repr(self) -> str:
        return f"steps={self.steps}"


class Ambient:
    """The settings of a forward pass that are restored to run it again: the modes of the modules, and autocast."""

    def __init__(self, net: nn.Module, device: str):
        self.modes = [(module, module.training) for module in net.modules()]
        self.device, self.enabled = device, torch.is_autocast_enabled(device)
        self.dtype, self.cached = torch.get_autocast_dtype(device), torch.is_autocast_cache_enabled()

    @contextmanager
    def __call__(self) -> Generator[None]:
        now = [module.training for module, _ in self.modes]
        for module, mode in self.modes:
            module.training = mode
        try:
            with torch.autocast(self.device, self.dtype, self.enabled, self.cached):
                yield
        finally:
            for (module, _), mode in zip(self.modes, now, strict=True):
                module.training = mode


class _Chunks(torch.autograd.Function):
    """Forward runs the chunks without a graph and saves the states between; backward runs each again with a graph.

    The output and the saved states are allocated at the first chunk, for all chunks: tensors that stay, allocated
    between temporaries that are freed, would keep the memory of every chunk from being reused.
    """

    @staticmethod
    def forward(
        ctx: Any,
        run: Any,
        steps: int,
        form: Any,
        end: list[Any],
        x: Tensor,
        leaves: int,
        ambient: Ambient,
        others: list[Tensor],
        *tensors: Tensor,
    ) -> Any:
        ctx.run, ctx.steps, ctx.ambient, ctx.weights = run, steps, ambient, len(tensors) - leaves
        state = tree_unflatten(list(tensors[:leaves]), form)
        ctx.befores, ctx.random = [tree_flatten(state)], [_random_state(x)]
        chunks = -(-x.shape[0] // steps)
        # a state may have places that hold none, as those of an nn.Graph
        out, kept = torch.empty(0), list[Tensor | None]()
        for k in range(chunks):
            here = slice(k * steps, (k + 1) * steps)
            chunk, state = run(x[here], here.start, state)
            if k == 0:
                out = chunk.new_empty((x.shape[0], *chunk.shape[1:]))
                kept = [None if s is None else s.new_empty((chunks, *s.shape)) for s in tree_flatten(state)[0]]
            out[here] = chunk
            values, shape = tree_flatten(state)
            for store, value in zip(kept, values, strict=True):
                if store is not None:
                    store[k] = value
            ctx.befores.append(([None if store is None else store[k] for store in kept], shape))
            ctx.random.append(_random_state(x))
        after, final = tree_flatten(state)
        end.append(final)
        # saved tensors are looked at again for changes in place
        ctx.save_for_backward(x, *tensors[leaves:], *others)
        ctx.mark_non_differentiable(*(s for s in after if s is not None and not s.is_floating_point()))
        ctx.set_materialize_grads(False)
        # clones: a state may be a view of the last chunk
        return out, *(None if s is None else s.clone() for s in after)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, g_out: Tensor | None, *g_after: Tensor | None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        x, *saved = ctx.saved_tensors
        weights = saved[: ctx.weights]
        wants_x = ctx.needs_input_grad[4]
        g_x = torch.empty_like(x) if wants_x else None
        g_state: list[Tensor | None] = list(g_after)
        g_weights: list[Tensor | None] = [None] * ctx.weights
        with torch.random.fork_rng(ctx.random[0][1]), ctx.ambient():
            for k in range(len(ctx.befores) - 2, -1, -1):
                here = slice(k * ctx.steps, (k + 1) * ctx.steps)
                leaves, form = ctx.befores[k]
                _set_random_state(*ctx.random[k])
                with torch.enable_grad():
                    chunk = x[here].detach().requires_grad_(wants_x)
                    before = [None if s is None else s.detach().requires_grad_(s.is_floating_point()) for s in leaves]
                    out, state = ctx.run(chunk, here.start, tree_unflatten(before, form))
                ends = [
                    (out, None if g_out is None else g_out[here]),
                    *zip(tree_flatten(state)[0], g_state, strict=True),
                ]
                paired = [(y, g) for y, g in ends if g is not None and y.requires_grad]
                floats = [s for s in before if s is not None and s.requires_grad]
                inputs = [*([chunk] if wants_x else []), *floats, *weights]
                found = iter(_gradients(paired, inputs))
                if g_x is not None:
                    g = next(found)
                    g_x[here] = 0.0 if g is None else g
                g_state = [next(found) if s is not None and s.requires_grad else None for s in before]
                for j, g in enumerate(found):
                    if g is not None:
                        g_weights[j] = g if g_weights[j] is None else g_weights[j].add_(g)  # type: ignore[union-attr]
        return None, None, None, None, g_x, None, None, None, *g_state, *g_weights


def _random_state(x: Tensor) -> tuple[Tensor, list[int], list[Tensor]]:
    """The random state of the CPU, and of the device that x is on."""
    devices, states = get_device_states(x)
    return torch.get_rng_state(), devices, states


def _set_random_state(host: Tensor, devices: list[int], states: list[Tensor]) -> None:
    torch.set_rng_state(host)
    set_device_states(devices, states)


def _gradients(ends: list[tuple[Tensor, Tensor]], inputs: list[Tensor]) -> list[Tensor | None]:
    if not ends:
        return [None] * len(inputs)
    outputs, grads = zip(*ends, strict=True)
    return list(torch.autograd.grad(outputs, inputs, grads, allow_unused=True))
