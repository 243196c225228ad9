"""`rheobase.energy.account`: what every layer of a network does for one sample, and what could not be counted."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from rheobase.core.execution.check import check_lengths
from rheobase.core.neuron import Neuron
from rheobase.energy.counts import AFFINE, SYNAPTIC, Countable, work
from rheobase.energy.operation_counts import Operations
from rheobase.energy.work import Work, before_the_end, synapses
from rheobase.engine.parts import parts
from rheobase.errors import InputError, ParameterError, RheobaseError, ShapeError
from rheobase.learning.calls import Between, Call, calls_of, first, unchanged
from rheobase.learning.layers import spiking_layer
from rheobase.nn.dropout import Dropout
from rheobase.nn.quantise import kind_of
from rheobase.nn.readout import GroupReadout

# layers whose operations do not depend on the state that they start from
_FROM_ANY_STATE = (Neuron, GroupReadout, Dropout)
# functions outside layers: those that add, and those that move, choose, compare or make values
_ADDING = frozenset(
    {"__add__", "__iadd__", "__isub__", "__radd__", "__rsub__", "__sub__", "add", "add_", "rsub", "sub", "sub_"}
)
_MOVING = frozenset(
    {
        "__get__",
        "__getitem__",
        "cat",
        "chunk",
        "clamp",
        "clone",
        "concat",
        "contiguous",
        "detach",
        "double",
        "empty",
        "empty_like",
        "expand",
        "expand_as",
        "flatten",
        "float",
        "full",
        "full_like",
        "gather",
        "index_select",
        "max",
        "maximum",
        "min",
        "minimum",
        "movedim",
        "moveaxis",
        "narrow",
        "new_empty",
        "new_full",
        "new_ones",
        "new_zeros",
        "ones",
        "ones_like",
        "permute",
        "relu",
        "repeat",
        "requires_grad_",
        "reshape",
        "select",
        "squeeze",
        "stack",
        "swapaxes",
        "t",
        "to",
        "transpose",
        "type_as",
        "unflatten",
        "unsqueeze",
        "view",
        "view_as",
        "where",
        "zeros",
        "zeros_like",
    }
)


@dataclass(frozen=True)
class CountedLayer:
    """One layer: what it does for one sample, and what it keeps.

    operations          None where they are unknown; `uncounted` says why
    weights, zeros      that are stored, and how many of them are zero
    lines               values that its synapses read in one step
    words               of state, of one sample
    steps               that it runs for a sample
    through             what its synapses read besides the present step; empty where that is all
    synaptic            it has synapses
    folded              its product and sum are in the weights before it, and are not counted
    outputs, silent     activations of one sample, and how many of them are zero; of a layer of cells
    """

    name: str
    kind: str
    operations: Operations | None
    uncounted: str = ""
    weights: int = 0
    zeros: int = 0
    lines: int = 0
    words: int = 0
    steps: float = 0.0
    through: str = ""
    folded: bool = False
    outputs: float = 0.0
    silent: float = 0.0

    @property
    def label(self) -> str:
        """As the rows of torch's profiler have it."""
        return self.kind if self.name == "(net)" else f"{self.name}: {self.kind}"

    @property
    def synaptic(self) -> bool:
        """Whether it has synapses."""
        return self.operations is not None and self.operations.dense > 0

    @property
    def activity(self) -> float:
        """The share of the lines of its synapses that bring something in a step, a spike or another value."""
        found, lines = self.operations, self.lines * self.steps
        return 0.0 if found is None or not lines else (found.spikes_read + found.values_read) / lines


@dataclass(frozen=True)
class Account:
    """The layers of a network in order, with the operations of one sample, the mean over `samples` of `steps` steps."""

    layers: tuple[CountedLayer, ...]
    samples: int
    steps: float
    footprint: int  # bytes of parameters and buffers, as they are
    spikes_in: float = 0.0  # that enter the network

    @property
    def total(self) -> Operations:
        """The sum over the layers that are counted; the spikes that enter are those of the network's input alone."""
        found = [layer.operations for layer in self.layers if layer.operations is not None]
        if not found:
            return Operations()
        return replace(sum(found, Operations()), spikes_in=self.spikes_in)

    @property
    def uncounted(self) -> tuple[CountedLayer, ...]:
        """The layers that the total leaves out."""
        return tuple(layer for layer in self.layers if layer.uncounted)

    @property
    def activity(self) -> float:
        """The share of all synapses' lines that bring something in a step."""
        lines = sum(layer.lines * layer.steps for layer in self.layers if layer.synaptic)
        total = self.total
        return (total.spikes_read + total.values_read) / lines if lines else 0.0

    @classmethod
    def of(cls, accounts: Sequence[Account]) -> Account:
        """The account of all samples together, from accounts of several batches of one network.

        Raises: `ParameterError` for no account, and for accounts of different networks.
        """
        if len({tuple((layer.label, layer.weights) for layer in one.layers) for one in accounts}) != 1:
            given = f"{len(accounts)} accounts" + (" of networks that differ" if accounts else "")
            raise ParameterError("Account.of", given, "some of one network", "add those of one network apart")
        samples = sum(one.samples for one in accounts)
        shares = [one.samples / samples for one in accounts]

        def mean(of: Iterable[float]) -> float:
            return sum(share * value for share, value in zip(shares, of, strict=True))

        layers: list[CountedLayer] = []
        for same in zip(*(one.layers for one in accounts), strict=True):
            known = [layer.operations for layer in same if layer.operations is not None]
            added = None
            if len(known) == len(same):
                added = sum((share * one for share, one in zip(shares, known, strict=True)), Operations())
            uncounted = next((layer for layer in same if layer.uncounted), same[0])
            layers.append(
                replace(
                    uncounted,
                    operations=added,
                    steps=mean(layer.steps for layer in same),
                    outputs=mean(layer.outputs for layer in same),
                    silent=mean(layer.silent for layer in same),
                )
            )
        steps, entered = mean(one.steps for one in accounts), mean(one.spikes_in for one in accounts)
        return cls(tuple(layers), samples, steps, accounts[0].footprint, entered)


def account(net: nn.Module, x: Tensor, *, lengths: Tensor | None = None, folded: bool = True) -> Account:
    """What every layer of `net` does for one sample of x (time, batch, ...): spikes, operations, traffic.

    The network runs once in evaluation mode, and each layer is counted on the input that it gets; see
    `energy.operations`. A normalisation or constant factor directly behind a layer with weights counts nothing, since
    inference can fold it into the weights; elsewhere, and with folded=False, it is counted. Sums between layers (a
    shortcut, say) are counted; other arithmetic outside layers, and layers of an unknown kind, are listed as uncounted.

    Raises: `ParameterError` for what is no network, or does not take x; `ShapeError` for x without time and batch;
    `InputError` for NaN and infinity.

    >>> from rheobase import neurons
    >>> net = nn.Sequential(nn.Linear(3, 5), neurons.LIF(5, dt=1.0))
    >>> account(net, torch.tensor([1.0, 0.0, 1.0]).view(1, 1, 3)).total.accumulates
    10.0
    """
    if not isinstance(net, nn.Module):
        raise ParameterError("account", f"{type(net).__name__} as network", "a torch.nn.Module", "account(net, x)")
    if not isinstance(x, Tensor):
        raise ParameterError("account", f"an input of type {type(x).__name__}", "a tensor", "x of (time, batch, ...)")
    if x.dim() < 3 or not x.numel():
        raise ShapeError("account", f"x of shape {tuple(x.shape)}", "(time, batch, ...)", "keep both axes")
    if not bool(torch.isfinite(x).all()):
        raise InputError("account", "x with NaN or infinity in it", "finite numbers", "look at how x was made")
    if lengths is not None:
        check_lengths("account", x, lengths)
    modules, between = _modules(net, x), Between()
    with _inferring(net), unchanged(net, x.device), torch.no_grad():
        given: dict[str, Any] = {} if lengths is None else {"lengths": lengths}
        calls, returned = calls_of(net, modules, lambda: net(x, **given), owner="account", between=between)
        made = _made_by_synapses(modules, calls) if folded else set[int]()
        layers = [_layer(path, modules[path], calls[path], made, x, lengths) for path in modules]
        layers = [_unspiking(layer, modules, calls, first(returned)) for layer in layers]
    steps = float(x.shape[0]) if lengths is None else float(lengths.double().mean())
    stored = [*net.parameters(), *net.buffers()]
    size = sum(one.numel() * one.element_size() for one in stored)
    entered = synapses(before_the_end(x, lengths), 0.0).spikes_in
    return Account((*layers, *_outside(between.found, x.shape[1], steps)), x.shape[1], steps, size, entered)


@contextmanager
def _inferring(net: nn.Module) -> Generator[None]:
    """Inside, no layer drops values or normalises by the batch, as in a training; afterwards each is as before."""
    training = [module for module in net.modules() if module.training]
    net.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


def _modules(net: nn.Module, x: Tensor) -> dict[str, nn.Module]:
    """The modules of a network that are counted as one, by their path: its parts, and those that are `Countable`."""
    found, taken = {path: module for path, (module, _) in parts(net, x).items()}, set[int]()
    chosen: dict[str, nn.Module] = {}
    for path, module in net.named_modules():
        if id(module) in taken or not (path in found or _countable(module)):
            continue
        chosen[path] = module
        # what is inside is counted with it
        taken.update(id(part) for part in module.modules())
    return chosen


def _countable(module: object) -> bool:
    # a function, since isinstance in place would narrow the module's type to the protocol
    return isinstance(module, Countable)


def _made_by_synapses(modules: Mapping[str, nn.Module], calls: Mapping[str, list[Call]]) -> set[int]:
    """The addresses of the outputs of layers with weights; `calls` keeps these alive, so no address is reused."""
    return {
        call.out.data_ptr()
        for path, made in calls.items()
        if isinstance(modules[path], SYNAPTIC)
        for call in made
        if call.out is not None
    }


def _layer(
    path: str, module: nn.Module, calls: list[Call], made: set[int], whole: Tensor, lengths: Tensor | None
) -> CountedLayer:
    name, kind, batch = path or "(net)", kind_of(module).__name__, whole.shape[1]
    if not calls:
        return CountedLayer(name, kind, None, "the network did not call it")
    if isinstance(module, AFFINE) and all(t.data_ptr() in made for call in calls for t in call.tensors[:1]):
        return CountedLayer(name, kind, Operations(), folded=True)
    found, why = of_calls(module, calls, like=whole, lengths=lengths)
    if found is None:
        return CountedLayer(name, kind, None, why)
    active = calls if _active(module) else []
    outs = [_before_the_end(call.out, call, lengths) for call in active if call.out is not None]
    stored = [p for p in module.parameters() if p.dim() > 1] if found.weights else []
    return CountedLayer(
        name,
        kind,
        found.operations,
        weights=found.weights,
        zeros=sum(int((p == 0).sum()) for p in stored),
        lines=found.lines,
        words=found.words,
        steps=found.steps,
        through=found.through,
        outputs=sum(len(out) for out in outs) / batch,
        silent=sum(int((out == 0).sum()) for out in outs) / batch,
    )


def _before_the_end(out: Tensor, call: Call, lengths: Tensor | None) -> Tensor:
    """The values that a layer gave, without those after the end of each sequence, (values,)."""
    ends = call.kwargs.get("lengths", lengths)
    if ends is None:
        return out.flatten()
    return out[torch.arange(len(out), device=out.device)[:, None] < ends].flatten()


def _active(module: nn.Module) -> bool:
    """Whether its outputs are activations, as NeuroBench has them: spikes, and what a ReLU leaves."""
    return isinstance(module, nn.ReLU) or spiking_layer(module) is not None


def _unspiking(
    layer: CountedLayer, modules: Mapping[str, nn.Module], calls: Mapping[str, list[Call]], whole: Tensor | None
) -> CountedLayer:
    """The layer; if it is a graded readout, without spikes, since its values are the output of the network."""
    path = "" if layer.name == "(net)" else layer.name
    out = calls[path][-1].out if calls[path] else None
    graded = isinstance(module := modules[path], Neuron) and module.graded
    if not graded or layer.operations is None or out is None or whole is None or out.data_ptr() != whole.data_ptr():
        return layer
    return replace(layer, operations=replace(layer.operations, spikes=0.0), outputs=0.0, silent=0.0)


def of_calls(
    module: nn.Module, calls: Sequence[Call], *, like: Tensor | None = None, lengths: Tensor | None = None
) -> tuple[Work | None, str]:
    """The work of all calls of a layer together, or why it is not counted.

    `like`: the input of the network. A layer that gets another number of samples is not counted, nor, where sequences
    end (`lengths`), one that gets another number of steps.
    """
    total = Work(Operations())
    for call in calls:
        x = call.args[0] if call.args else None
        if not isinstance(x, Tensor):
            return None, "it has no input of one tensor"
        ends = call.kwargs.get("lengths", lengths)
        if like is not None and (x.dim() < 3 or x.shape[1] != like.shape[1]):
            return None, f"an input of shape {tuple(x.shape)}; (time, batch = {like.shape[1]}, ...) can be"
        if like is not None and ends is not None and x.shape[0] != like.shape[0]:
            return None, f"an input of {x.shape[0]} steps of sequences of {like.shape[0]} that end; whole ones can be"
        given = call.args[1] if len(call.args) > 1 else call.kwargs.get("state")
        if given is not None and not isinstance(module, _FROM_ANY_STATE):
            return None, "it goes on from a state, and operations are counted from rest"
        try:
            one = work(module, x.detach(), lengths=ends, out=call.out)
        except RheobaseError as error:
            return None, f"{error.given}; {error.expected} can be"
        total = Work(
            total.operations + one.operations, one.weights, one.lines, one.words, one.through, total.steps + one.steps
        )
    return total, ""


def _outside(found: Mapping[str, Sequence[int]], batch: int, steps: float) -> list[CountedLayer]:
    """What the network computes outside its layers."""
    sums = sum(sum(sizes) for name, sizes in found.items() if name in _ADDING) / batch
    others = [f"{name} ({len(sizes)})" for name, sizes in found.items() if name not in _ADDING | _MOVING]
    rows = [CountedLayer("between layers", "sums", Operations(sums=sums), steps=steps)] if sums else []
    if others:
        why = f"arithmetic outside layers: {', '.join(others)}; sums can be, and what a layer does"
        rows.append(CountedLayer("between layers", "functions", None, why))
    return rows
