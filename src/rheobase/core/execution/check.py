"""The checks of a call's arguments, made before any work is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rheobase.checks import is_whole
from rheobase.core.states import RNG
from rheobase.errors import DeviceError, DTypeError, ParameterError, ShapeError, StateError

if TYPE_CHECKING:
    from rheobase.core.neuron import Neuron

IN_A_ROW = (
    "out, state = neuron(x), and `out` alone goes on; rheobase.nn.Sequential does so in a chain, where "
    "torch.nn.Sequential hands on both"
)
FLOATS = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


def checked_shape(owner: str, shape: tuple[int | Sequence[int], ...]) -> tuple[int, ...]:
    """The shape of a population, given as sizes or as one sequence of them."""
    sizes: tuple[Any, ...] = tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], Sequence) else shape
    if not sizes or not all(is_whole(n, 1) for n in sizes):
        raise ParameterError(owner, f"shape {sizes}", "one or more positive integers", f"{owner}(128) is 128 neurons")
    return sizes


def check_tensor(owner: object, name: str, x: Any) -> None:
    """Raise `DTypeError` for what is no tensor. For an (out, state) pair, the remedy says how to chain neurons.

    `owner` is the object, or its name.
    """
    if isinstance(x, Tensor):
        return
    shown = _name(owner)
    if isinstance(x, tuple) and len(x) > 1 and isinstance(x[0], Tensor):
        raise DTypeError(shown, f"{name} of type tuple: the (out, state) of a layer", "a torch.Tensor", IN_A_ROW)
    raise DTypeError(shown, f"{name} of type {type(x).__name__}", "a torch.Tensor", "torch.as_tensor it")


def check_call(neuron: Neuron, inputs: Sequence[Any], record: Sequence[str], lengths: Tensor | None) -> None:
    """Raise unless the inputs (in the order of the entries), `record` and `lengths` fit the neuron."""
    for name, x in zip(neuron.entries, inputs, strict=True):
        _check_input(neuron, name, x)
    _check_alike(neuron, inputs)
    neuron.check_names(record)
    _check_parameters(neuron, inputs[0])
    if lengths is not None:
        check_lengths(neuron, inputs[0], lengths)


def _check_input(neuron: Neuron, name: str, x: Any) -> None:
    check_tensor(neuron, name, x)
    if x.layout != torch.strided:
        raise DTypeError(repr(neuron), f"{name} of layout {x.layout}", "a dense tensor", "call .to_dense() on it")
    if x.dtype not in FLOATS:
        raise DTypeError(repr(neuron), f"{name} of dtype {x.dtype}", "a floating dtype", "call .float() on it")
    fits = x.dim() == 2 + len(neuron.shape) and tuple(x.shape[2:]) == neuron.shape
    if not fits or x.shape[0] == 0 or x.shape[1] == 0:
        raise _other_shape(neuron, name, x)


def _other_shape(neuron: Neuron, name: str, x: Tensor) -> ShapeError:
    """The error for an input of another shape. Called only on errors: torch.compile cannot print a dynamic shape."""
    expected = ("time", "batch", *neuron.shape)
    wanted, given = f"{name} of shape ({', '.join(map(str, expected))})", f"{name} of shape {tuple(x.shape)}"
    if x.dim() != len(expected):
        return ShapeError(repr(neuron), given, wanted, "time is the first axis, batch the second")
    if tuple(x.shape[2:]) != neuron.shape:
        return ShapeError(repr(neuron), given, wanted, f"make the layer before it end in {neuron.shape}")
    axis = "an empty sequence (time = 0)" if x.shape[0] == 0 else "an empty batch"
    return ShapeError(repr(neuron), axis, wanted + ", each axis at least 1", "drop the empty piece before the call")


def _check_alike(neuron: Neuron, inputs: Sequence[Tensor]) -> None:
    """Inputs enter step by step, together."""
    names, first = tuple(neuron.entries), inputs[0]
    for name, x in zip(names[1:], inputs[1:], strict=True):
        for what, kind in (("shape", ShapeError), ("dtype", DTypeError), ("device", DeviceError)):
            own, others = getattr(x, what), getattr(first, what)
            if own != others:
                given = f"{name} of {what} {_shown(own)} beside {names[0]} of {_shown(others)}"
                raise kind(
                    repr(neuron),
                    given,
                    f"one {what} for all inputs",
                    f"give {name} as many steps and samples" if what == "shape" else f"convert {name}",
                )


def _shown(value: Any) -> str:
    return str(tuple(value)) if isinstance(value, torch.Size) else str(value)


def _check_parameters(neuron: Neuron, x: Tensor) -> None:
    for tensor in neuron.values().values():
        if tensor.device != x.device:
            given, expected = f"an input on {x.device}", f"it on {tensor.device}, where the neuron is"
            raise DeviceError(repr(neuron), given, expected, "move one of them")
        if tensor.dtype == torch.float64 and x.dtype != torch.float64:
            raise DTypeError(repr(neuron), f"an input of dtype {x.dtype}", "torch.float64", "call .double() on it")
        if tensor.is_floating_point() and tensor.dtype != torch.float64 and x.dtype == torch.float64:
            remedy = "call .double() on the neuron, or .float() on it"
            raise DTypeError(repr(neuron), "an input of dtype torch.float64", f"{tensor.dtype}", remedy)


def check_lengths(owner: object, current: Tensor, lengths: Tensor) -> None:
    """Raise unless each sequence of (time, batch, ...) has a number of steps. `owner`: an object, or its name."""
    if not isinstance(lengths, Tensor):  # pyright: ignore[reportUnnecessaryIsInstance]
        given = f"lengths of type {type(lengths).__name__}"
        raise ShapeError(_name(owner), given, "a tensor of integers", "torch.as_tensor it")
    if lengths.device != current.device:
        raise DeviceError(_name(owner), f"lengths on {lengths.device}", f"them on {current.device}", "move them")
    if lengths.shape != current.shape[1:2] or lengths.is_floating_point() or lengths.dtype == torch.bool:
        given = f"lengths of shape {tuple(lengths.shape)} and dtype {lengths.dtype}"
        raise ShapeError(
            _name(owner), given, f"integers of shape ({current.shape[1]},)", "give one length per sequence"
        )
    if lengths.dtype not in (torch.int32, torch.int64):
        given, expected = f"lengths of {lengths.dtype}", "torch.int32 or int64, which hold steps and their differences"
        raise DTypeError(_name(owner), given, expected, "call .long() on them")
    if torch.compiler.is_compiling():
        return
    if int(lengths.min()) < 0 or int(lengths.max()) > current.shape[0]:
        given = f"lengths from {int(lengths.min())} to {int(lengths.max())}"
        raise ParameterError(
            _name(owner), given, f"0 to {current.shape[0]}, the number of steps", "count steps, not ms"
        )


def _name(owner: object) -> str:
    # made for errors only: the repr of a neuron takes longer than a call, and torch.compile cannot trace it
    return owner if isinstance(owner, str) else repr(owner)


def check_state(neuron: Neuron, state: Any, current: Tensor, compute: torch.dtype) -> None:
    """Raise unless `state` is a state of this neuron for this batch."""
    fields = neuron.State._fields
    if tuple(getattr(state, "_fields", ())) != fields:
        given = f"a state with {getattr(state, '_fields', type(state).__name__)}"
        raise StateError(repr(neuron), given, f"the fields {fields}", "pass on the state that the same neuron returned")
    _check_origin(neuron, state)
    shape = (current.shape[1], *neuron.shape)
    for name in fields:
        value = getattr(state, name)
        if not isinstance(value, Tensor):
            raise StateError(repr(neuron), f"state {name} = {value!r}", "a tensor", "None stands for rest")
        dtype, sizes = (torch.int64, (2,)) if name == RNG else (compute, shape)
        if value.dtype != dtype:
            remedy = "the seed and the absolute step" if name == RNG else f"call .to({compute}) on it"
            raise StateError(repr(neuron), f"state {name} of {value.dtype}", f"{dtype}", remedy)
        if tuple(value.shape) != sizes:
            given = f"state {name} of shape {tuple(value.shape)}"
            raise StateError(repr(neuron), given, str(sizes), "a new batch size starts from None, or slice it")
        if value.device != current.device:
            raise StateError(repr(neuron), f"state {name} on {value.device}", f"{current.device}", "move the state")


def _check_origin(neuron: Neuron, state: Any) -> None:
    """Raise for the state of another kind of neuron whose fields have the same names: a v of LI is none of LIF.

    Kinds are told by the name of their class, so that a class that was defined again takes its states of before.
    """
    own, others = (getattr(kind, "origin", None) for kind in (neuron.State, type(state)))
    if others not in (None, own):
        kind, whose = _kind(own), _kind(others)
        remedy = f"pass on the state that the same neuron returned; if that is meant: {kind}'s State(*state)"
        raise StateError(_name(neuron), f"a state of {whose}", f"one of {kind}", remedy)


def _kind(origin: Any) -> str:
    """The class of a neuron by the origin of its state; with what it wraps, `Noisy(LIF)`."""
    name = origin[1].rpartition(".")[2]
    return f"{name}({_kind(origin[2])})" if len(origin) > 2 else name
