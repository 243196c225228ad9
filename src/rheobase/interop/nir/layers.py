"""What a node of NIR without a state becomes here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch import nn as torch_nn

from rheobase import nn
from rheobase.core.surrogates import ATan
from rheobase.errors import DataError, ParameterError, ShapeError
from rheobase.interop.nir.cells import Threshold
from rheobase.interop.nir.losses import ensure_allowed
from rheobase.interop.nir.neurons import choices
from rheobase.interop.nir.values import LEVEL, MS, Values

Sizes = tuple[int, ...]
ROUNDING = 1e-5  # of a number of steps, as float32 seconds have it


@dataclass(frozen=True)
class Made:
    """What a reader was asked for: the step in ms, the type of numbers, the losses that are allowed."""

    dt: float | None
    dtype: torch.dtype
    allow: frozenset[str]

    def step(self, owner: str) -> float:
        """The step. Raises `ParameterError` where neither the file nor the caller says one."""
        if self.dt is None:
            expected = "the step in ms: the node runs in time, and the file says no step"
            remedy = "dt=0.1, say; NIR counts in seconds: 0.1 is a step of 1e-4 s"
            raise ParameterError(owner, "no dt", expected, remedy)
        return self.dt


def _linear(v: Values, made: Made) -> torch_nn.Module:
    weight = v.array("weight")
    if weight.ndim != 2 or v.shape[-1:] != (weight.shape[-1],):
        given = f"weight of shape {weight.shape} behind an input of shape {v.shape}"
        raise DataError(v.owner, given, "(outputs, inputs), the inputs being the last axis", "correct the shapes")
    bias = v.array("bias") if v.node.kind == "Affine" else None
    _fits(v, bias, weight.shape[0])
    sparse = v.node.metadata.get("layer") == "SpikeLinear"
    layer = (nn.SpikeLinear if sparse else nn.Linear)(weight.shape[1], weight.shape[0], bias=bias is not None)
    return _filled(layer, weight, bias)


def _fits(v: Values, bias: Any, outputs: int) -> None:
    if bias is not None and bias.shape != (outputs,):
        raise DataError(v.owner, f"bias of shape {bias.shape}", f"({outputs},)", "correct the shapes")


def _filled(layer: Any, weight: Any, bias: Any) -> torch_nn.Module:
    """The layer with these weights, in float64 where they are."""
    layer.to(torch.float64 if weight.dtype == np.float64 else torch.float32)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(np.array(weight)))
        if bias is not None:
            layer.bias.copy_(torch.from_numpy(np.array(bias)))
    return layer


def _scale(v: Values, made: Made) -> torch_nn.Module:
    factor = v.each("scale")
    noted = v.node.metadata.get("factor")
    if noted is not None and bool((factor == np.asarray(noted, factor.dtype)).all()):
        return nn.Scale(float(noted))
    return nn.Scale(float(factor) if factor.ndim == 0 else torch.from_numpy(np.array(factor)))


def _conv(v: Values, made: Made) -> torch_nn.Module:
    rank = 1 if v.node.kind == "Conv1d" else 2
    weight, bias, groups = v.array("weight"), v.array("bias"), v.whole("groups", 1)
    wanted = (groups * weight.shape[1] if weight.ndim == rank + 2 else None, "size", "size")[: rank + 1]
    if weight.ndim != rank + 2 or len(v.shape) != rank + 1 or v.shape[0] != wanted[0]:
        shown = f"weight of shape {weight.shape} in {groups} groups behind an input of shape {v.shape}"
        raise DataError(v.owner, shown, f"an input of shape ({', '.join(map(str, wanted))})", "correct the shapes")
    held = v.node.values.get("input_shape")
    if held is not None and np.asarray(held).dtype.kind in "iuf":
        sizes = tuple(int(n) for n in np.asarray(held).reshape(-1))
        if sizes != v.shape[1:]:
            raise DataError(
                v.owner,
                f"input_shape {sizes} behind an input of shape {v.shape}",
                "the same sizes",
                "correct the shapes",
            )
    _fits(v, bias, weight.shape[0])
    padding = v.node.values.get("padding", 0)
    given: dict[str, Any] = {name: _sizes(v, name, rank, 1) for name in ("stride", "dilation")}
    given["padding"] = padding if isinstance(padding, str) else _sizes(v, "padding", rank, 0)
    bare = v.node.metadata.get("bias") == "none" and not bias.any()
    kind: Any = nn.Conv1d if rank == 1 else nn.Conv2d
    try:
        layer = kind(v.shape[0], weight.shape[0], tuple(weight.shape[2:]), groups=groups, bias=not bare, **given)
    except ValueError as error:
        raise DataError(v.owner, str(error), "a convolution that torch has", "correct the graph") from None
    return _filled(layer, weight, None if bare else bias)


def _sizes(v: Values, name: str, rank: int, usual: int | None = None) -> tuple[int, ...]:
    found = v.array(name, usual).reshape(-1)
    if len(found) not in (1, rank) or (found.astype(np.float64) % 1.0).any():
        raise DataError(v.owner, f"{name} = {found.tolist()}", f"{rank} whole numbers", "correct the graph")
    return tuple(int(n) for n in np.broadcast_to(found, rank))


def _pool(v: Values, made: Made) -> torch_nn.Module:
    if len(v.shape) != 3:
        raise DataError(v.owner, f"an input of shape {v.shape}", "(channels, height, width)", "correct the shapes")
    sizes: list[Any] = [
        _sizes(v, name, 2, usual) for name, usual in (("kernel_size", None), ("stride", None), ("padding", 0))
    ]
    kernel, stride, padding = sizes
    return nn.AvgPool2d(kernel, stride, padding, divisor_override=1 if v.node.kind == "SumPool2d" else None)


def _flatten(v: Values, made: Made) -> torch_nn.Module:
    start, end = v.whole("start_dim", 1), v.whole("end_dim", -1)
    noted = v.node.values.get("input_type")
    rank = len(v.shape)
    if noted is not None and np.asarray(noted).size == rank + 1:
        # an early file, whose shapes begin with an axis of one sample
        start, end = start - 1 if start > 0 else start, end - 1 if end > 0 else end
    first, last = start % rank, end % rank
    if not -rank <= start < rank or not -rank <= end < rank or first > last:
        raise DataError(v.owner, f"axes {start} to {end} of {v.shape}", "axes that there are", "correct the graph")
    return nn.Flatten() if (first, last) == (0, rank - 1) else torch_nn.Flatten(first + 2, last - rank)


def _delay(v: Values, made: Made) -> torch_nn.Module:
    return delayed(v, "delay", v.node.metadata.get("taps", 0), made)


def delayed(v: Values, name: str, taps: Any, made: Made) -> nn.AxonalDelay:
    """The delays of neurons, in whole steps. Raises `NotRepresentable` for others, unless they may be rounded."""
    step = made.step(v.owner)
    exact = np.broadcast_to(v.each(name).astype(np.float64), v.shape) * MS / step
    steps = np.rint(exact)
    if (steps < 0).any():
        raise DataError(v.owner, f"a delay of {exact.min() * step / MS:g} s", "delays >= 0", "correct the graph")
    wide = float(np.abs(exact - steps).max())
    if wide > ROUNDING * max(1.0, float(exact.max())):
        given = f"delays that are up to {wide:.3g} of a step from a whole number of steps of {step:g} ms"
        ensure_allowed(v.owner, given, "whole numbers of steps", "rounded_delay", made.allow)
    layer = nn.AxonalDelay(*v.shape, taps=max(int(taps), int(steps.max()) + 1), width=0.0)
    layer.positions.d.data = torch.from_numpy(np.array(steps)).to(torch.get_default_dtype())
    return layer


def _threshold(v: Values, made: Made) -> torch_nn.Module:
    held = torch.as_tensor(v.parameter("threshold", LEVEL, "threshold_here"), dtype=made.dtype)
    return Threshold(held, choices(v.node.metadata).get("surrogate", ATan()))


LAYERS: Mapping[str, Callable[[Values, Made], torch_nn.Module]] = {
    "Affine": _linear,
    "Linear": _linear,
    "Scale": _scale,
    "Conv1d": _conv,
    "Conv2d": _conv,
    "AvgPool2d": _pool,
    "SumPool2d": _pool,
    "Flatten": _flatten,
    "Delay": _delay,
    "Threshold": _threshold,
}


def behind(owner: str, layer: torch_nn.Module, shape: Sizes, dtype: torch.dtype) -> Sizes:
    """The shape of a layer's output of one step of one sample. Raises `DataError` where the input does not fit."""
    try:
        with torch.no_grad():
            out: Any = layer(torch.zeros(1, 1, *shape, dtype=dtype))
    except (RuntimeError, MemoryError, ShapeError) as error:
        given = f"an input of shape {shape} ({' '.join(str(error).split())[:160]})"
        raise DataError(owner, given, "one that the node takes", "correct the shapes") from None
    found: Tensor = out[0] if isinstance(out, tuple) else out
    return tuple(found.shape[2:])
