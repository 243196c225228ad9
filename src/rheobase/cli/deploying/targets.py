"""What `rheobase deploy` has to know of each chip: one entry of `TARGETS` for each."""

from __future__ import annotations

import hashlib
from typing import Any, Protocol

import torch
from torch import Tensor

from rheobase import chip
from rheobase.chip import Deployed
from rheobase.chip.mapping.layers import layers_of
from rheobase.chip.parts import Parts
from rheobase.chip.truenorth import AXONS
from rheobase.cli.deploying.options import Options
from rheobase.errors import NotRepresentable
from rheobase.nn import Sequential
from rheobase.plot import Picture, chip_map, core_load
from rheobase.runs.model import Model


class Target(Protocol):
    """A chip.

    word            the key of the value that validation chooses, in files
    title_of_value  the same in words
    listed          the option that lists the values to try
    """

    name: str
    title: str
    word: str
    listed: str
    title_of_value: str

    @property
    def chip(self) -> Any:
        """One chip."""
        ...

    def named(self, value: int) -> str:
        """The name of a training with this value."""
        ...

    def twin(self, model: Model, options: Options, value: int, x: Tensor | None = None) -> Sequential:
        """The network of a run in whole numbers, before it is trained; x: some samples, to scale fresh weights by."""
        ...

    def identity(self, twin: Sequential) -> dict[str, Any]:
        """Facts of the untrained network that identify a stored training, beside the options and the run."""
        ...

    def check(self, parts: Parts, options: Options) -> None:
        """Raise `NotRepresentable` for what no training would make fit."""
        ...

    def advice(self, options: Options) -> list[str]:
        """Options that may lose less accuracy."""
        ...

    def more(self, found: Any) -> dict[str, str]:
        """Further lines about an outcome."""
        ...

    def picture(self, deployed: Deployed, x: Tensor) -> Picture:
        """The chip, with one sample (time, inputs) on it."""
        ...


class TrueNorth:
    """One chip of TrueNorth."""

    name, title = "truenorth", "TrueNorth"
    word, title_of_value, listed = "v_threshold", "threshold", "thresholds"

    @property
    def chip(self) -> chip.TrueNorth:
        """One chip."""
        return chip.TrueNorth()

    def named(self, value: int) -> str:
        """The name of a training with this threshold."""
        return f"threshold-{value}"

    def twin(self, model: Model, options: Options, value: int, x: Tensor | None = None) -> Sequential:
        """With ternary weights, say, and this threshold."""
        task, shape = model.task, model.task.sample_shape
        known = shape if task.duration_ms is None and len(shape) <= 2 else None
        return chip.prepared(
            model.network,
            whole=options.whole,
            v_threshold=value,
            software=options.software,
            votes=options.votes,
            inputs=options.inputs,
            shape=known,
            step_of="mean",
        )

    def identity(self, twin: Sequential) -> dict[str, Any]:
        """Nothing: it follows from the options."""
        return {}

    def check(self, parts: Parts, options: Options) -> None:
        """Inputs of a neuron, and layers."""
        wide = [
            f"neurons of layer {k} (Linear) read {part.in_features} inputs, more than the {AXONS} axons of a core"
            for k, part in enumerate(parts.chip.layers, start=parts.first)
            if isinstance(part, torch.nn.Linear) and options.inputs is None and part.in_features > AXONS
        ]
        if wide:
            expected = f"neurons of up to {AXONS} inputs"
            remedy = (
                "--inputs 128 trains groups of neurons that read as many inputs each; or --software leaves a layer out"
            )
            raise NotRepresentable("truenorth", "; ".join(wide), expected, remedy)
        layers_of(parts.chip, first=parts.first)

    def advice(self, options: Options) -> list[str]:
        """More values of weights."""
        return ["--whole 2 (weights of five values; many more cores)"] if options.whole == 1 else []

    def more(self, found: Any) -> dict[str, str]:
        """Nothing."""
        return {}

    def picture(self, deployed: Deployed, x: Tensor) -> Picture:
        """Load and traffic."""
        ticks = len(x) + deployed.latency
        spikes = deployed.emulator.run(ticks, deployed.inputs(x), record="all").spikes
        return Picture(
            "The chip",
            "Above: axons and neurons of each core in use, of 256. Below: the spikes that cores send for "
            "one test sample, and those that links between routers carry.",
            "a map of the cores in use with their load, and of the traffic between them",
            lambda style: chip_map(deployed.net, spikes, style=style),
        )


class Loihi:
    """One chip of Loihi."""

    name, title = "loihi", "Loihi"
    word, title_of_value, listed = "bits", "bits of a weight", "weight_bits"

    @property
    def chip(self) -> chip.Loihi:
        """One chip."""
        return chip.Loihi()

    def named(self, value: int) -> str:
        """The name of a training with so many bits."""
        return f"bits-{value}"

    def twin(self, model: Model, options: Options, value: int, x: Tensor | None = None) -> Sequential:
        """With compartments, and weights of so many bits."""
        return chip.loihi.prepared(
            model.network, weight_bits=value, software=options.software, votes=options.votes, x=x
        )

    def identity(self, twin: Sequential) -> dict[str, Any]:
        """The scales and registers, on which the meaning of learnt weights depends."""
        return {"registers": hashlib.sha256(repr(twin).encode()).hexdigest()}

    def check(self, parts: Parts, options: Options) -> None:
        """Whether there are cores enough, with the weights as they are before training."""
        if isinstance(parts.chip[0], torch.nn.Linear):
            chip.deploy(parts.chip, self.chip)

    def advice(self, options: Options) -> list[str]:
        """More bits."""
        return ["--weight-bits 8"] if max(options.weight_bits) < 8 else []

    def more(self, found: Any) -> dict[str, str]:
        """How full the fullest core is."""
        loads = [core.load() for core in found.deployed.net.cores]
        limits = found.deployed.net.chip
        used = ", ".join(
            f"{max(getattr(load, name) for load in loads):,} of {getattr(limits, name):,} {name.replace('_', ' ')}"
            for name in ("compartments", "in_axons", "out_axons", "synapse_bits")
        )
        return {"fullest core": used}

    def picture(self, deployed: Deployed, x: Tensor) -> Picture:
        """How full the cores are."""
        return Picture(
            "The chip",
            "What each core in use holds, of its limits: compartments, axons in and out, memory of synapses.",
            "bars of the shares of each core that are in use",
            lambda style: core_load(deployed.net, style=style),
        )


TARGETS: dict[str, Target] = {"truenorth": TrueNorth(), "loihi": Loihi()}


def target_of(options: Options) -> Target:
    """The chip that options are for."""
    return TARGETS[options.chip]
