"""`rheobase.explain`: what each layer of a network is, what runs it and why, and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

import torch
from torch import Tensor, nn

from rheobase.checks import is_number
from rheobase.core.neuron import Neuron
from rheobase.deprecated import renamed
from rheobase.energy.account import of_calls
from rheobase.engine.parts import parts
from rheobase.errors import DeviceError, ParameterError
from rheobase.learning.calls import Call, calls_of, unchanged
from rheobase.learning.layers import SpikingLayer, spiking_layers, watched
from rheobase.learning.metrics import count_parameters, spikes_per_neuron
from rheobase.machine import machine
from rheobase.profiling.explanation import Explanation, Layer, Whole
from rheobase.profiling.memory import kept, peak
from rheobase.profiling.timing import Timing, interleaved

Key = tuple[str | None, str]  # a path, None for the whole, and "forward" or "backward"


@renamed(told="on_round")
def explain(
    net: nn.Module,
    x: Any = None,
    *,
    measure: bool = True,
    seconds: float = 1.0,
    on_round: Callable[[int, float], None] | None = None,
) -> Explanation:
    """What each layer of `net` is, which backend runs it and why, and what it costs on the input x.

    Shapes: x as `net(x)` takes it, mostly (time, batch, ...); a mapping for a neuron with several inputs.

    The network runs once, which records the input of each layer. Then the layers and the whole network run by turns on
    these inputs, forward and backward, for about `seconds` after a warm-up. A forward pass keeps what its backward
    needs, as in training. Weights, gradients, running means and the random state are restored afterwards. Operations
    are those of `energy.operations`. `on_round(round, share of the time)` is called after each round.

    With `measure=False` nothing runs: the result has backends and reasons alone, for the device and dtype of x.

    Raises: `ParameterError` without an input, and for one that the network does not take; `DeviceError` for one on
    another device.

    >>> import torch
    >>> from rheobase import neurons
    >>> print(explain(neurons.LIF(3, dt=1.0), torch.zeros(1, 1, 3), measure=False))
    part  kind  backend  why
    (net)  LIF   llvm     one fused kernel
    >>> layer = explain(neurons.LIF(3, dt=1.0), torch.full((20, 2, 3), 2.0), seconds=0.0).parts[0]
    >>> layer.shape, layer.spikes, layer.operations.updates
    ((20, 2, 3), 0.05, 60.0)
    """
    if not isinstance(net, nn.Module):
        raise ParameterError("explain", f"{type(net).__name__} as network", "a torch.nn.Module", "explain(net, x)")
    form = next((v for v in x.values() if isinstance(v, Tensor)), None) if isinstance(x, Mapping) else x
    if not isinstance(form, Tensor):
        given = "no input" if x is None else f"an input of type {type(x).__name__}"
        raise ParameterError("explain", given, f"a tensor {_wanted(net)}", _REMEDY)
    if not is_number(seconds, least=0.0):
        raise ParameterError("explain", f"seconds={seconds!r}", "a number >= 0", "the default is 1.0")
    found = parts(net, form)
    bare = [Layer(**asdict(part), parameters=count_parameters(module)) for module, part in found.values()]
    if not measure or form.device.type == "meta":
        return Explanation(tuple(bare), None, "" if measure is False else "x is on the device meta, and has no values")
    for name, held in net.named_parameters():
        if held.device != form.device:
            given = f"x on {form.device} and {name} on {held.device}"
            raise DeviceError("explain", given, "both on one device", f'x.to("{held.device}")')
    modules = {path: module for path, (module, _) in found.items()}
    with unchanged(net, form.device):
        return _measured(net, x, form, modules, dict(zip(modules, bare, strict=True)), seconds, on_round)


_REMEDY = (
    "explain(net, x) with a batch as the network gets it: spikes, times, memory and operations depend on it; "
    "explain(net, x, measure=False) reads its device and dtype alone"
)


def _wanted(net: nn.Module) -> str:
    """The axes of the input, as far as the first layer says them."""
    for module in net.modules():
        if isinstance(module, Neuron):
            return f"(time, batch, {', '.join(map(str, module.shape))})"
        if isinstance(module, nn.Linear):
            return f"(time, batch, {module.in_features})"
        if isinstance(module, nn.Conv2d):
            return f"(time, batch, {module.in_channels}, height, width)"
    return "(time, batch, ...)"


def _measured(
    net: nn.Module,
    x: Any,
    form: Tensor,
    modules: Mapping[str, nn.Module],
    bare: Mapping[str, Layer],
    seconds: float,
    on_round: Callable[[int, float], None] | None,
) -> Explanation:
    layers = spiking_layers(net)
    with watched(net, layers) as watch:
        calls, _ = calls_of(net, modules, lambda: net(x), owner="explain")
    shares = {path: _share(layers[path], calls[path]) for path in watch.spiking() if path in calls}
    work: dict[Key, Callable[[], object]] = {}
    runs: dict[str | None, _Run] = {
        path: _Run(modules[path], made, form.device) for path, made in calls.items() if made
    }
    runs[None] = _Run(net, [Call((x,), {}, False)], form.device)
    memory = {path: run.memory() for path, run in runs.items()}
    for path, run in runs.items():
        work[path, "forward"] = run.forward
        if run.backward is not None:
            work[path, "backward"] = run.backward
    times = interleaved(work, seconds=seconds, on_round=on_round)
    rows = [
        _row(bare[path], modules[path], made, shares.get(path), times, path, memory.get(path))
        for path, made in calls.items()
    ]
    counted = [row.operations for row in rows if row.operations is not None]
    whole = Whole(
        shape=tuple(form.shape),
        dtype=str(form.dtype).removeprefix("torch."),
        device=str(form.device),
        training=net.training,
        parameters=count_parameters(net),
        forward=times[None, "forward"],
        backward=times.get((None, "backward")),
        peak=memory[None][0],
        operations=sum(counted[1:], counted[0]) if counted else None,
        machine=machine(),
    )
    return Explanation(tuple(rows), whole)


def _row(
    bare: Layer,
    module: nn.Module,
    calls: list[Call],
    share: float | None,
    times: Mapping[Key, Timing],
    path: str,
    memory: tuple[int | None, int] | None,
) -> Layer:
    if not calls or memory is None:
        return replace(bare, uncounted="the network did not call it")
    with torch.no_grad():
        counted, why = of_calls(module, calls)
    last = calls[-1].out
    return replace(
        bare,
        shape=None if last is None else tuple(last.shape),
        calls=len(calls),
        spikes=share,
        forward=times[path, "forward"],
        backward=times.get((path, "backward")),
        peak=memory[0],
        kept=memory[1],
        operations=None if counted is None else counted.operations,
        uncounted=why,
    )


def _share(layer: SpikingLayer, calls: list[Call]) -> float | None:
    """Spikes of a neuron in a step; None for a layer that gives out parts of spikes (in the smooth mode, say)."""
    outs = [call.out for call in calls if call.out is not None and call.out.dim() >= 2 and len(call.out)]
    if not outs or not (layer.graded or all(bool((out == out.round()).all()) for out in outs)):
        return None
    steps = sum(len(out) for out in outs)
    return sum(float(spikes_per_neuron(out, layer.graded).mean()) for out in outs) / steps


class _Run:
    """One module on the inputs that it got in the network: its forward, and its backward if it has a gradient."""

    def __init__(self, module: nn.Module, calls: list[Call], device: torch.device):
        self.module, self.calls, self.device = module, calls, device
        self.inputs = [t for call in calls for t in call.tensors]
        self.wanted = [t for t in (*module.parameters(), *self.inputs) if t.requires_grad]
        outs = [out for out in self._outs() if out.requires_grad] if self.wanted else []
        self.upstream = [torch.randn_like(out) for out in outs]
        self.backward: Callable[[], object] | None = None
        if outs:
            # the graph of one forward, which all backwards share
            self.backward = lambda: self._synchronised(lambda: self._gradients(outs, keep=True))

    def forward(self) -> None:
        """All calls, in order."""
        self._synchronised(self._outs)

    def memory(self) -> tuple[int | None, int]:
        """The peak of forward and backward, and the bytes kept from one to the other."""

        def both() -> None:
            outs = [out for out in self._outs() if out.requires_grad] if self.upstream else self._outs()
            if self.upstream:
                self._gradients(outs, keep=False)

        own = [*self.module.parameters(), *self.module.buffers(), *self.inputs]
        return peak(both, self.device), kept(self._outs, own)

    def _outs(self) -> list[Tensor]:
        outs = [call.again(self.module) for call in self.calls]
        return [out for out in outs if out is not None]

    def _gradients(self, outs: list[Tensor], *, keep: bool) -> object:
        return torch.autograd.grad(outs, self.wanted, self.upstream, retain_graph=keep, allow_unused=True)

    def _synchronised(self, work: Callable[[], object]) -> None:
        work()
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
