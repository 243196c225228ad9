"""A network as whole numbers: what a neuron of the chip needs to know, or every reason why it cannot be one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rheobase.chip.truenorth.board import AXONS, TYPES
from rheobase.chip.truenorth.configuration import FIELDS, POTENTIAL, THRESHOLD
from rheobase.errors import NotRepresentable
from rheobase.neurons import IF, HardResetIF
from rheobase.nn import Linear, Sequential
from rheobase.nn.quantise import kind_of

PUT_ON = "a Linear layer and then IF or HardResetIF neurons, again and again"
# what stands in the way of layers that one might try
GRADED = "it puts out values, and the chip spikes alone"
SHARE = "its leak is a share of the potential, and that of the chip is constant"
ON_LOIHI = f"{SHARE}; Loihi has such a leak"
SHARED = "weights that places of an image share are not laid out"
LATERAL = "lateral weights would come back after the ticks of the way"
WHY = {
    "SRC": f"{GRADED}; a chip in fixed point takes it",
    "BRC": GRADED,
    "LI": GRADED,
    "DQIF": "its potential is squared, and the chip adds",
    "LIF": ON_LOIHI,
    "CubaLIF": ON_LOIHI,
    "AdLIF": SHARE,
    "PLIF": ON_LOIHI,
    "Recurrent": LATERAL,
    "Conv1d": SHARED,
    "Conv2d": SHARED,
}


@dataclass(frozen=True, eq=False)
class Layer:
    """Synapses and neurons of one layer, in whole numbers.

    Shapes: weight (out, in); leak, alpha (threshold), R (reset potential), v (at the start): (out,).

    gamma  1: a spike subtracts the threshold (IF); 0: it puts the potential to R (HardResetIF)
    """

    name: str
    weight: NDArray[np.int64]
    leak: NDArray[np.int64]
    alpha: NDArray[np.int64]
    R: NDArray[np.int64]
    v: NDArray[np.int64]
    gamma: int

    @property
    def n_inputs(self) -> int:
        """How many inputs it reads."""
        return self.weight.shape[1]

    @property
    def n_neurons(self) -> int:
        """How many neurons it has."""
        return self.weight.shape[0]

    @property
    def exact_ticks(self) -> float:
        """For how many ticks no potential leaves its range, whatever the inputs are; may be infinite."""
        up = np.where(self.weight > 0, self.weight, 0).sum(1) + self.leak
        down = np.where(self.weight < 0, self.weight, 0).sum(1) + self.leak
        # a subtractive reset takes off at most alpha per tick: what exceeds it accumulates
        up = up - self.alpha if self.gamma else np.zeros_like(up)
        most = np.max([np.abs(self.v), np.abs(self.R), self.alpha], axis=0) + np.abs(self.weight).sum(1) + 256
        room = np.stack([POTENTIAL[1] - most, THRESHOLD - most]).astype(float)
        with np.errstate(divide="ignore", invalid="ignore"):
            ticks = np.where(np.stack([up, -down]) > 0, room / np.maximum(np.stack([up, -down]), 0), np.inf)
        return float(max(0.0, np.floor(ticks.min())))


def layers_of(net: Any, *, first: int = 0) -> list[Layer]:
    """The layers of a network of `Linear`, `IF` and `HardResetIF`, in whole numbers; they are numbered from `first` on.

    Raises: `NotRepresentable`, with everything that the chip cannot express: other layers and neurons, weights that are
    no whole numbers from -256 to 255, more than 4 values in the weights of a neuron or more than 256 weights that are
    not 0, biases (leaks), thresholds and resets out of range, steps that scale the current.

    >>> import torch
    >>> net = Sequential(Linear(2, 1), IF(1, dt=1.0, v_threshold=3.0))
    >>> with torch.no_grad():
    ...     net[0].weight.copy_(torch.tensor([[1.0, -2.0]])), net[0].bias.fill_(1.0)
    (...)
    >>> layers_of(net)[0].weight.tolist(), layers_of(net)[0].leak.tolist()
    ([[1, -2]], [1])
    """
    if not isinstance(net, Sequential):
        raise NotRepresentable("truenorth", f"a {type(net).__name__}", f"a Sequential: {PUT_ON}", "build it of layers")
    wrong, found = list[str](), list[Layer]()
    parts = [(f"layer {k} ({kind_of(part).__name__})", part) for k, part in enumerate(net.layers, start=first)]
    # exact types, since a subclass may compute something else; `kind_of` sees through torch's parametrised classes
    for name, part in parts:
        if kind_of(part) not in (Linear, IF, HardResetIF):
            why = WHY.get(kind_of(part).__name__)
            wrong.append(f"{name} cannot be put on it" + (f" ({why})" if why else ""))
    kinds = ["synapses" if kind_of(part) is Linear else "neurons" for _, part in parts]
    if not wrong and kinds != ["synapses", "neurons"] * (len(parts) // 2):
        wrong.append("layers in the order " + ", ".join(kind_of(part).__name__ for _, part in parts))
    if not wrong:
        for (of_synapses, linear), (of_neurons, neuron) in zip(parts[::2], parts[1::2], strict=True):
            found.append(_layer(of_synapses, linear, of_neurons, neuron, wrong))
    if wrong:
        raise NotRepresentable(
            "truenorth",
            "; ".join(wrong),
            PUT_ON + ", all in whole numbers",
            "nn.quantised(net, whole=1) gives weights and biases that are whole, from -1 to 1 and as they come; "
            f"a neuron has up to {AXONS} inputs and {TYPES} values of weights, which chip.confined(net) keeps to; "
            "software=(...) leaves layers in software",
        )
    return found


def _layer(of_synapses: str, linear: Any, of_neurons: str, neuron: Any, wrong: list[str]) -> Layer:
    """One layer; appends to `wrong` what the chip cannot express."""
    before = len(wrong)
    n = neuron.shape[-1] if len(neuron.shape) == 1 else -1
    if n != linear.out_features:
        wrong.append(f"{of_neurons} has shape {tuple(neuron.shape)}, after {linear.out_features} outputs")
        n = linear.out_features
    weight = _whole(of_synapses, "weight", linear.weight, FIELDS["s"].least, FIELDS["s"].most, wrong)
    bias = torch.zeros(n) if linear.bias is None else linear.bias
    leak = _whole(of_synapses, "bias", bias, FIELDS["leak"].least, FIELDS["leak"].most, wrong)
    alpha = _whole(of_neurons, "v_threshold", neuron.v_threshold, 0, THRESHOLD, wrong)
    hard = kind_of(neuron) is HardResetIF
    reset = neuron.v_reset if hard else torch.zeros(())
    start = _whole(of_neurons, "v_reset", reset, -THRESHOLD, THRESHOLD, wrong)
    if neuron.dt is None or bool((neuron.r * neuron.dt != 1).any()):
        wrong.append(f"{of_neurons} has r * dt other than 1, which scales what a spike brings")
    if len(wrong) == before:
        for row, own in enumerate(weight):
            values, inputs = len(np.unique(own[own != 0])), int((own != 0).sum())
            if values > TYPES:
                wrong.append(f"neuron {row} of {of_synapses} has {values} values of weights, more than {TYPES}")
            if inputs > AXONS:
                wrong.append(
                    f"neuron {row} of {of_synapses} has {inputs} inputs, more than the {AXONS} axons of a core"
                )
            if len(wrong) > before:
                break
    alpha, start = (np.broadcast_to(x, (n,)) for x in (alpha, start))
    return Layer(of_synapses, weight, leak, alpha, start, start, 0 if hard else 1)


def _whole(owner: str, name: str, value: Any, least: int, most: int, wrong: list[str]) -> NDArray[np.int64]:
    """Values as whole numbers; appends the first that is none, or out of range."""
    given = value.detach().cpu().double().numpy()
    bad = ~((np.rint(given) == given) & (given >= least) & (given <= most))
    if bool(bad.any()):
        first = given[bad].flat[0]
        wrong.append(
            f"{name} of {owner} has {first:g}, and {int(bad.sum())} of {given.size} are no whole numbers from "
            f"{least} to {most}"
        )
    return np.where(bad, 0, given).astype(np.int64)
